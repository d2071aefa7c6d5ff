import { useSession } from '../hooks/useChat';
import type { Timeline } from '../state/timeline';
import { nameOf } from '../text/identity';
import { Avatar } from './Avatar';
import { Icon } from './Icon';

const roleNames = {
  guest: 'Guest',
  member: '',
  moderator: 'Moderator',
  admin: 'Admin',
  owner: 'Owner',
} as const;
const rank = ['owner', 'admin', 'moderator', 'member', 'guest'];

/** With `onClose` it brings its own heading; in a dialog it has one already. */
export function Members({ timeline, onClose }: { timeline: Timeline; onClose?: () => void }) {
  const { me } = useSession();
  const members = [...timeline.members.values()].sort(
    (a, b) => rank.indexOf(a.role) - rank.indexOf(b.role) || nameOf(a.user).localeCompare(nameOf(b.user)),
  );
  return (
    <>
      {onClose && (
        <header className="dialog-head">
          <h2>Members</h2>
          <button type="button" className="icon-button" aria-label="Close members" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
      )}
      <ul className="people">
        {members.map(({ user, role }) => (
          <li key={user.id} className="person">
            <Avatar name={nameOf(user)} seed={user.id} image={user.image} size="small" />
            <span className="person-name">
              <bdi>
                {nameOf(user)}
                {user.id === me.id && <span className="muted"> (you)</span>}
              </bdi>
            </span>
            <span className="muted">{roleNames[role]}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

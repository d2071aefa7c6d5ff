import { count } from '../text/time';
import { Icon } from './Icon';

/** "3 new ↓", or just the arrow while one reads further up. */
export function NewestPill({ unseen, onClick }: { unseen: number; onClick: () => void }) {
  return (
    <button
      type="button"
      className="pill"
      aria-label={unseen > 0 ? `${count(unseen)} new, go to the newest` : 'Go to the newest message'}
      onClick={onClick}
    >
      {unseen > 0 && <span>{count(unseen)} new</span>}
      <Icon name="down" size={16} />
    </button>
  );
}

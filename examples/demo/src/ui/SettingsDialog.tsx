import type { Theme, useTheme } from '../hooks/useTheme';
import { Dialog } from './Dialog';

interface Props {
  theme: ReturnType<typeof useTheme>;
  onClose: () => void;
  onLeave: () => void;
}

const themes: { value: Theme; label: string }[] = [
  { value: 'system', label: 'System' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
];

const shortcuts = [
  { keys: ['Enter'], does: 'Send' },
  { keys: ['Shift', 'Enter'], does: 'New line' },
  { keys: ['↑'], does: 'Edit your last message, from an empty field' },
  { keys: ['Shift', 'Tab'], does: 'To the messages; then ↑ ↓ Home End' },
  { keys: ['E'], does: 'Edit the message in focus' },
  { keys: ['Del'], does: 'Delete the message in focus' },
  { keys: ['Esc'], does: 'Close, or back to the field' },
  { keys: ['?'], does: 'These settings and shortcuts' },
];

export function SettingsDialog({ theme, onClose, onLeave }: Props) {
  return (
    <Dialog title="Settings" onClose={onClose}>
      <div className="segments" role="radiogroup" aria-label="Theme">
        {themes.map(({ value, label }) => (
          <label key={value} className="segment">
            <input
              type="radio"
              name="theme"
              checked={theme.theme === value}
              onChange={() => theme.setTheme(value)}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
      <label className="person setting">
        <span className="person-name">High contrast</span>
        <input
          type="checkbox"
          checked={theme.contrast}
          onChange={(event) => theme.setContrast(event.target.checked)}
        />
      </label>
      <h3 className="dialog-section">Keyboard</h3>
      <dl className="shortcuts">
        {shortcuts.map(({ keys, does }) => (
          <div key={does} className="shortcut">
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <div className="button-row">
        <button type="button" className="button" data-quiet onClick={onLeave}>
          Switch user
        </button>
      </div>
    </Dialog>
  );
}

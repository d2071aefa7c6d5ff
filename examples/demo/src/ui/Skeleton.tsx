import { useDelayed } from '../hooks/browser';

/** Grey shapes of what is coming, only if it takes longer than a blink. */
export function Skeleton({ kind, rows = 6 }: { kind: 'channels' | 'messages'; rows?: number }) {
  const late = useDelayed();
  return (
    <div className="skeleton" data-kind={kind} role="status" aria-label="Loading">
      {late && Array.from({ length: rows }, (_, row) => <div key={row} className="skeleton-row" />)}
    </div>
  );
}

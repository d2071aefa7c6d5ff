import type { ReactNode } from 'react';

/** One drawing, one sentence, one action. */
export function Empty({ text, children }: { text: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <svg className="empty-drawing" viewBox="0 0 120 80" aria-hidden="true">
        <path d="M20 14h52a10 10 0 0 1 10 10v18a10 10 0 0 1-10 10H42L28 62V52h-8a10 10 0 0 1-10-10V24a10 10 0 0 1 10-10z" />
        <path d="M92 30h8a10 10 0 0 1 10 10v14a10 10 0 0 1-10 10h-4v9l-11-9H66" />
        <path d="M28 30h36M28 38h22" />
      </svg>
      <p>{text}</p>
      {children}
    </div>
  );
}

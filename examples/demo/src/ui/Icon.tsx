/** One set: 20 × 20, a 1.6 px round stroke in the colour of the text. Always decoration; names stand beside. */

const paths = {
  back: 'M12 4.5 6.5 10l5.5 5.5',
  send: 'M10 16V4.5M5 9.2l5-4.9 5 4.9',
  compose:
    'M16.5 10v5a1.8 1.8 0 0 1-1.8 1.8H5A1.8 1.8 0 0 1 3.2 15V5.3A1.8 1.8 0 0 1 5 3.5h5M8.5 11.5l.4-2.2L14.8 3.4a1.1 1.1 0 0 1 1.6 0l.2.2a1.1 1.1 0 0 1 0 1.6l-5.9 5.9z',
  people:
    'M7.5 9.5a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM2.5 16.2c0-2.7 2.2-4.5 5-4.5s5 1.8 5 4.5M13.2 4.2a2.6 2.6 0 0 1 0 5M15 12c1.5.6 2.5 2 2.5 4.2',
  close: 'M5 5l10 10M15 5 5 15',
  edit: 'M4 16l.7-3.2L13.2 4.3a1.3 1.3 0 0 1 1.8 0l.7.7a1.3 1.3 0 0 1 0 1.8L7.2 15.3z',
  trash: 'M3.8 5.5h12.4M8 5.5V3.8h4v1.7M5.3 5.5l.7 10.7h8l.7-10.7',
  copy: 'M7.5 7.5h8.2v8.7H7.5zM12.5 7.3V3.8H4.3v8.7h3',
  check: 'M4.5 10.5l3.5 3.7 7.5-8.4',
  checks: 'M2 10.5l3.2 3.7 6.8-8.4M9.3 13.2l.9 1L17.5 5.8',
  clock: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6.2V10l2.5 1.7',
  alert: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6.5v4.2M10 13.4v.1',
  down: 'M10 4v11.5M5 10.8l5 4.9 5-4.9',
  settings:
    'M3.5 6.5h7M14.5 6.5h2M3.5 13.5h2M9.5 13.5h7M12.5 8.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM7.5 15.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13.2 13.2l3.3 3.3',
  offline:
    'M3 3l14 14M6.8 11.5a4.6 4.6 0 0 1 3.2-1.3M3.8 8.3a9 9 0 0 1 3.4-2M10.3 5.6a9 9 0 0 1 5.9 2.7M13 11.3l.3.2M10 15v.1',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 20 }: { name: IconName; size?: 16 | 20 }) {
  return (
    <svg className="icon" data-icon={name} width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

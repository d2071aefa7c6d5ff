/** Text must reach 4.5 : 1 in every theme, whatever hue the accent has. */

import { describe, expect, it } from 'vitest';

import css from './tokens.css?raw';

type Theme = 'light' | 'dark';
const hues = [0, 36, 72, 108, 144, 180, 216, 232, 270, 320];
const pairs = [
  ['text', 'surface'],
  ['text', 'selected'],
  ['text-muted', 'surface'],
  ['text-muted', 'surface-sunken'],
  ['text-muted', 'surface-raised'],
  ['text-muted', 'selected'],
  ['text-faint', 'surface'],
  ['text-faint', 'surface-sunken'],
  ['text-faint', 'selected'],
  ['text-faint', 'surface-raised'],
  ['on-accent', 'accent-fill'],
  ['on-accent', 'danger-fill'],
  ['on-bubble-own', 'bubble-own'],
  ['on-bubble-other', 'bubble-other'],
  ['accent', 'surface'],
  ['accent', 'bubble-other'],
  ['danger', 'surface'],
  ['danger', 'surface-raised'],
  ['on-warning', 'warning-surface'],
] as const;

const [normal = '', more = ''] = css.split("[data-contrast='more']");

function valueOf(name: string, contrast: boolean): string {
  const find = (part: string) => new RegExp(`--pl-${name}: ([^;]+);`).exec(part)?.[1];
  const value = (contrast ? find(more) : undefined) ?? find(normal);
  if (value === undefined) throw new Error(`--pl-${name} is not defined`);
  const alias = /^var\(--pl-([a-z0-9-]+)\)$/.exec(value)?.[1];
  return alias === undefined ? value : valueOf(alias, contrast);
}

function oklchOf(name: string, theme: Theme, hue: number, contrast: boolean): number[] {
  const colours = [
    ...valueOf(name, contrast).matchAll(/oklch\(([\d.]+) ([\d.]+) ([\d.]+|var\(--pl-hue\))\)/g),
  ];
  const colour = colours[theme === 'dark' ? colours.length - 1 : 0];
  return [
    Number(colour?.[1]),
    Number(colour?.[2]),
    colour?.[3]?.startsWith('var') ? hue : Number(colour?.[3]),
  ];
}

/** Relative luminance of WCAG, from Björn Ottosson's OKLab matrices; channels are clipped to sRGB. */
function luminance([l = 0, c = 0, h = 0]: number[]): number {
  const [a, b] = [c * Math.cos((h * Math.PI) / 180), c * Math.sin((h * Math.PI) / 180)];
  const cube = (x: number) => x ** 3;
  const [L, M, S] = [
    cube(l + 0.3963377774 * a + 0.2158037573 * b),
    cube(l - 0.1055613458 * a - 0.0638541728 * b),
    cube(l - 0.0894841775 * a - 1.291485548 * b),
  ];
  const clip = (x: number) => Math.min(1, Math.max(0, x));
  const red = clip(4.0767416621 * L - 3.3077115913 * M + 0.2309699292 * S);
  const green = clip(-1.2684380046 * L + 2.6097574011 * M - 0.3413193965 * S);
  const blue = clip(-0.0041960863 * L - 0.7034186147 * M + 1.707614701 * S);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe.each([
  ['light', false],
  ['dark', false],
  ['light', true],
  ['dark', true],
] as const)('%s, high contrast %s', (theme, contrast) => {
  it.each(pairs)('%s on %s can be read', (text, ground) => {
    for (const hue of hues) {
      const [one, two] = [text, ground].map((name) => luminance(oklchOf(name, theme, hue, contrast)));
      const ratio = (Math.max(one ?? 0, two ?? 0) + 0.05) / (Math.min(one ?? 0, two ?? 0) + 0.05);
      expect(ratio, `hue ${hue}`).toBeGreaterThanOrEqual(contrast ? 7 : 4.5);
    }
  });
});

import type { CSSProperties } from 'react';

import { hueOf, initialsOf } from '../text/identity';

interface Props {
  name: string;
  seed: string;
  image: string | null;
  size?: 'tiny' | 'small' | 'medium' | 'large';
}

/** Decoration: the name always stands beside it. */
export function Avatar({ name, seed, image, size = 'medium' }: Props) {
  return (
    <span
      className="avatar"
      data-size={size}
      style={{ '--avatar-hue': hueOf(seed) } as CSSProperties}
      aria-hidden="true"
    >
      {image === null ? initialsOf(name) : <img src={image} alt="" loading="lazy" />}
    </span>
  );
}

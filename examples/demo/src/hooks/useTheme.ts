/** Light, dark or as the system says, and more contrast: two attributes on the root element. */

import { useEffect, useState } from 'react';

import { useMediaQuery } from './browser';

export type Theme = 'system' | 'light' | 'dark';

const THEME_KEY = 'parlor-theme';
const CONTRAST_KEY = 'parlor-contrast';

export function useTheme() {
  const [theme, setTheme] = useState<Theme>(
    () => (localStorage.getItem(THEME_KEY) as Theme | null) ?? 'system',
  );
  const [contrast, setContrast] = useState(() => localStorage.getItem(CONTRAST_KEY) === 'more');
  const systemContrast = useMediaQuery('(prefers-contrast: more)');

  useEffect(() => {
    const root = document.documentElement.dataset;
    root['theme'] = theme;
    root['contrast'] = contrast || systemContrast ? 'more' : 'normal';
    localStorage.setItem(THEME_KEY, theme);
    localStorage.setItem(CONTRAST_KEY, contrast ? 'more' : 'normal');
  }, [theme, contrast, systemContrast]);

  return { theme, setTheme, contrast, setContrast };
}

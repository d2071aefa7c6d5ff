import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default defineConfig({ ignores: ['dist'] }, js.configs.recommended, {
  files: ['**/*.{ts,tsx}'],
  extends: [tseslint.configs.strictTypeChecked, reactHooks.configs.flat['recommended-latest']],
  languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
  rules: {
    '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    'max-lines': ['error', { max: 200, skipBlankLines: false }],
  },
});

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [react()],
  // Every asset is a file of its own: the server's Content-Security-Policy allows no data: styles or scripts.
  build: { target: 'es2023', assetsInlineLimit: 0 },
  // A test reads the tokens to compute their contrast.
  test: { css: true },
  server: { proxy: { '/api': server, '/dev': server } },
});

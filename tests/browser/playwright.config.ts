import { defineConfig } from '@playwright/test';

const shots = process.env['PARLOR_TEST_SHOTS'] !== undefined;

export default defineConfig({
  testDir: 'src',
  globalSetup: './src/server.ts',
  outputDir: 'test-results',
  // One server and no retries: a test that passes at the second try is a defect of the test or of the app.
  workers: 1,
  retries: 0,
  timeout: 30_000,
  expect: { timeout: 10_000 },
  reporter: 'list',
  projects: [
    { name: 'chat', testMatch: '*.spec.ts' },
    ...(shots ? [{ name: 'shots', testMatch: 'shots.ts' }] : []),
  ],
  use: {
    viewport: { width: 1200, height: 800 },
    locale: 'en-GB',
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env['PARLOR_TEST_BROWSER'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    },
  },
});

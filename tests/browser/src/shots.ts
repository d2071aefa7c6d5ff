/**
 * Pictures to look at: three widths, light and dark, right to left, with ugly content.
 * `npm run shots` writes them to `test-results/shots`, and the README's picture to the demo app.
 */

import type { Browser, BrowserContextOptions } from '@playwright/test';

import { baseUrl, makeNamedRoom, type Room, write } from './api';
import { expect, Person, test } from './person';

const folder = 'test-results/shots';
const kitchen: [string, string[]][] = [
  [
    'carla',
    ['The tiles arrived. They’re *almost* the colour we wanted', 'I put the samples on the window sill'],
  ],
  [
    'dev',
    [
      '`cargo build` says\n```\nerror[E0502]: cannot borrow `tiles` as mutable because it is also borrowed\n```',
    ],
  ],
  ['ann', ['Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft']],
  ['ben', ['<img src=x onerror=alert(1)> is just text here', 'מחר ב-10:30 בתחנה?', '🎉']],
  ['ann', ['> They’re almost the colour\nClose enough for me. Let’s **keep them**']],
  ['dev', ['Great, I’ll call the tiler']],
];
/** Goes on where the demo's own conversation of Ann and Ben ends. */
const museum: [string, string][] = [
  ['ben', 'That went well! Museum on Saturday?'],
  ['ann', 'Yes please. Ten past nine, by the **fountain**?'],
  ['ann', 'I’ll bring the guidebook'],
  ['ben', 'Perfect. The café on the corner has the good croissants'],
  ['ben', '☕️🥐'],
];

async function fill(name: string, members: string[], talk: [string, string[]][]): Promise<Room> {
  const room = await makeNamedRoom(name, members);
  for (const [userId, texts] of talk) await write(room, userId, texts);
  return room;
}

async function look(browser: Browser, name: string, room: Room, options: BrowserContextOptions, query = '') {
  const ann = await Person.at(browser, 'ann', { reducedMotion: 'reduce', ...options });
  await ann.open(room, query);
  await expect(ann.message('I’ll call the tiler')).toBeInViewport();
  await ann.page.screenshot({ path: `${folder}/${name}.png` });
  if (options.viewport?.width === 390) {
    await ann.page.getByRole('button', { name: 'Back to conversations' }).click();
    await ann.page.screenshot({ path: `${folder}/${name}-list.png` });
  }
  await ann.leave();
}

test('every width and theme', async ({ browser }) => {
  test.slow();
  const room = await fill('Kitchen renovation', ['ben', 'carla', 'dev'], kitchen);
  for (const width of [390, 820, 1440]) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const options = { viewport: { width, height: 860 }, colorScheme };
      await look(browser, `${width}-${colorScheme}`, room, options);
    }
    await look(browser, `${width}-rtl`, room, { viewport: { width, height: 860 } }, '&dir=rtl');
  }
  await look(browser, 'contrast-light', room, { viewport: { width: 820, height: 860 }, contrast: 'more' });
  const dark = { colorScheme: 'dark', contrast: 'more' } as const;
  await look(browser, 'contrast-dark', room, { viewport: { width: 820, height: 860 }, ...dark });
});

test('the picture of the README', async ({ browser }) => {
  const options = {
    viewport: { width: 1080, height: 760 },
    deviceScaleFactor: 2,
    reducedMotion: 'reduce',
  } as const;
  const ann = await Person.at(browser, 'ann', options);
  const ben = await Person.at(browser, 'ben', options);
  for (const [person, other] of [
    [ann, 'Ben'],
    [ben, 'Ann'],
  ] as const) {
    await person.page.goto(`${baseUrl()}/?user=${person.userId}`);
    await person.page
      .getByRole('navigation')
      .getByRole('button', { name: new RegExp(`${other} \\w+`) })
      .first()
      .click();
    await expect(person.message('Thanks, will do')).toBeVisible();
  }
  // Away and back: what was new when Ann came is no longer new.
  await ann.page
    .getByRole('navigation')
    .getByRole('button', { name: /General/ })
    .click();
  await expect(ann.message('That one always gets a smile')).toBeVisible();
  await ann.page.goBack();
  await expect(ann.message('Thanks, will do')).toBeVisible();
  await expect(ann.page.locator('[data-live]')).toBeAttached();
  for (const [userId, text] of museum) {
    const [from, to] = userId === 'ann' ? [ann, ben] : [ben, ann];
    await from.send(text);
    await expect(to.message(text.replaceAll('**', ''))).toBeVisible();
  }
  await expect(ann.message('I’ll bring the guidebook')).toHaveAccessibleName(/read by Ben/);
  // The server tells of two signs of typing a second; the talk above was quicker than people are.
  await ben.page.waitForTimeout(1_000);
  await ben.composer.pressSequentially('See');
  await expect(ann.page.getByText(/is typing/)).toBeVisible();
  await expect(ann.log.getByText('New', { exact: true })).toHaveCount(0);
  await ann.page.screenshot({ path: '../../examples/demo/screenshot.png' });
  await ann.leave();
  await ben.leave();
});

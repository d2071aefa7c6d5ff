import { makeRoom, write } from './api';
import { expect, Person, test } from './person';

const ugly = [
  'a'.repeat(600),
  `https://example.org/${'path/'.repeat(60)}`,
  `\`\`\`\n${'let x = 1; '.repeat(40)}\n\`\`\``,
  'שלום עולם, 10:30 ב-**תחנה**',
  'مرحبا، هل يمكننا اللقاء غدا؟',
  '👩‍👩‍👧‍👦🏳️‍🌈',
  '<img src=x onerror="alert(1)"><script>alert(2)</script><b>bold?</b>',
  '[click](javascript:alert(3)) and **real bold** and `code`',
  Array.from({ length: 40 }, (_, line) => `row ${line}`).join('\n'),
];

for (const width of [320, 390, 820, 1440]) {
  test(`nothing that people write widens a page of ${width} px`, async ({ browser }) => {
    const room = await makeRoom('Ugly');
    await write(room, 'ann', ugly);
    const ben = await Person.at(browser, 'ben', { viewport: { width, height: 800 } });
    await ben.open(room);
    await expect(ben.log.getByRole('article')).toHaveCount(ugly.length);
    for (const selector of ['html', '[role=log]']) {
      const spare = await ben.page.locator(selector).evaluate((box) => box.scrollWidth - box.clientWidth);
      expect(spare, selector).toBe(0);
    }
    await ben.leave();
  });
}

test('markup of messages is text, never markup of the page', async ({ ben }) => {
  const room = await makeRoom('Markup');
  await write(room, 'ann', ugly);
  const alerts: string[] = [];
  ben.page.on('dialog', (dialog) => {
    alerts.push(dialog.message());
    void dialog.dismiss();
  });
  await ben.open(room);
  await expect(ben.message('<img src=x onerror="alert(1)">')).toContainText('<b>bold?</b>');
  await expect(ben.log.locator('img, script, b')).toHaveCount(0);
  await expect(ben.log.locator('strong', { hasText: 'real bold' })).toBeVisible();
  await expect(ben.log.locator('a[href^="javascript"]')).toHaveCount(0);
  const link = ben.log.getByRole('link', { name: /example\.org/ });
  await expect(link).toHaveAttribute('rel', /noopener/);
  expect(alerts).toEqual([]);
});

test('each message runs in the direction of its own words', async ({ ben }) => {
  const room = await makeRoom('Direction');
  await write(room, 'ann', ['left to right', 'שלום עולם']);
  await ben.open(room);
  const direction = (text: string) =>
    ben
      .message(text)
      .locator('.text p')
      .evaluate((paragraph) => getComputedStyle(paragraph).direction);
  expect(await direction('left to right')).toBe('ltr');
  expect(await direction('שלום')).toBe('rtl');
});

test('long messages fold and open', async ({ ben }) => {
  const room = await makeRoom('Fold');
  await write(room, 'ann', [ugly.at(-1) ?? '']);
  await ben.open(room);
  const height = async () => (await ben.message('row 0').boundingBox())?.height ?? 0;
  const folded = await height();
  await ben.message('row 0').getByRole('button', { name: 'Show more' }).click();
  await expect.poll(height).toBeGreaterThan(folded * 1.5);
  await ben.message('row 0').getByRole('button', { name: 'Show less' }).click();
  await expect.poll(height).toBe(folded);
});

test('a phone shows one pane at a time', async ({ browser }) => {
  const room = await makeRoom('Phone');
  await write(room, 'ann', ['hello']);
  const ben = await Person.at(browser, 'ben', { viewport: { width: 390, height: 844 }, hasTouch: true });
  await ben.open(room);
  await expect(ben.page.getByRole('navigation')).toBeHidden();
  await ben.page.getByRole('button', { name: 'Back to conversations' }).tap();
  await expect(ben.page.getByRole('navigation')).toBeVisible();
  await expect(ben.log).toHaveCount(0);
  await ben.row(room).tap();
  await expect(ben.message('hello')).toBeVisible();
  await ben.leave();
});

import { makeRoom, write } from './api';
import { expect, test } from './person';

test('unread messages count up elsewhere and are gone once read', async ({ ann, ben }) => {
  const room = await makeRoom('Badge');
  const elsewhere = await makeRoom('Elsewhere');
  await ann.open(room);
  await ben.open(elsewhere);

  await ann.send('one');
  await expect(ben.row(room)).toContainText('1 unread');
  await ann.send('two');
  await ann.send('three');
  await expect(ben.row(room)).toContainText('3 unread');
  await expect(ben.row(room)).toContainText('three');
  await expect(ben.page).toHaveTitle(/^\(\d+\+?\) Parlor$/);

  await ben.row(room).click();
  await expect(ben.log.getByText('New', { exact: true })).toBeVisible();
  await expect(ben.row(room)).not.toContainText('unread');
  await expect(ann.message('three')).toHaveAccessibleName(/read by Ben/);
  // The line stays where it was when one came.
  await ann.send('four');
  await expect(ben.message('four')).toBeVisible();
  await expect(ben.log.getByText('New', { exact: true })).toBeVisible();
  await expect(ben.row(room)).not.toContainText('unread');
});

test('who reads further up stays there and learns how many are new', async ({ ann, ben }) => {
  test.slow();
  const room = await makeRoom('Long');
  await write(
    room,
    'ann',
    Array.from({ length: 70 }, (_, index) => `Line ${index + 1}`),
  );
  await ann.open(room);
  await ben.open(room);
  await ben.page.getByRole('button', { name: /newest/ }).click();
  await expect(ben.exactly('Line 70')).toBeInViewport();
  await expect(ben.row(room)).not.toContainText('unread');

  // To the top of what is loaded, again and again, until the first message is there.
  await ben.log.hover();
  await expect(async () => {
    await ben.page.mouse.wheel(0, -2_000);
    await expect(ben.exactly('Line 1')).toBeInViewport({ timeout: 250 });
  }).toPass();
  const numbers = (await ben.texts()).map((text) => Number(text.replace('Line ', '')));
  expect(numbers).toEqual(Array.from({ length: 70 }, (_, index) => index + 1));

  const place = await ben.exactly('Line 3').boundingBox();
  await ann.send('news one');
  await ann.send('news two');
  await expect(ben.page.getByRole('button', { name: '2 new, go to the newest' })).toBeVisible();
  expect((await ben.exactly('Line 3').boundingBox())?.y).toBe(place?.y);
  await expect(ben.row(room)).toContainText('2 unread');

  await ben.page.getByRole('button', { name: '2 new, go to the newest' }).click();
  await expect(ben.message('news two')).toBeInViewport();
  await expect(ben.row(room)).not.toContainText('unread');
});

test('older messages come in above without moving what one reads', async ({ ann }) => {
  test.slow();
  const room = await makeRoom('Back');
  await write(
    room,
    'ann',
    Array.from({ length: 60 }, (_, index) => `Line ${index + 1}`),
  );
  // Older pages wait until the test has measured.
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await ann.page.route(/messages\?.*before=/, async (route) => {
    await held;
    await route.continue();
  });
  await ann.open(room);
  await expect(ann.exactly('Line 60')).toBeInViewport();
  await expect(ann.exactly('Line 1')).toHaveCount(0);
  await ann.log.evaluate((box) => box.scrollTo(0, 100));
  const first = ann.log.getByRole('article').first();
  const text = await first.locator('.text').innerText();
  const anchor = ann.exactly(`Line ${Number(text.replace('Line ', '')) + 3}`);
  const place = await anchor.boundingBox();
  release();
  await expect(ann.exactly('Line 1')).toHaveCount(1);
  const moved = await anchor.boundingBox();
  expect(Math.abs((moved?.y ?? 0) - (place?.y ?? 0))).toBeLessThanOrEqual(1);
});

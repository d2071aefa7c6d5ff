import { makeRoom } from './api';
import { expect, test } from './person';

test('what is written without a network goes out once, in order, when it is back', async ({ ann, ben }) => {
  const room = await makeRoom('Offline');
  await ann.open(room);
  await ben.open(room);
  await ann.send('before');
  await expect(ben.message('before')).toBeVisible();

  await ann.page.context().setOffline(true);
  await expect(ann.page.getByText('You’re offline. Messages will go out when you’re back')).toBeVisible();
  for (const text of ['first', 'second', 'third']) await ann.send(text);
  await expect(ann.page.getByText('Offline · 3 messages waiting')).toBeVisible();
  await expect(ann.message('third')).toHaveAccessibleName(/waiting to be sent/);

  await ann.page.context().setOffline(false);
  await expect(ann.page.getByText(/waiting$/)).toBeHidden();
  await expect(ben.message('third')).toBeVisible();
  const expected = ['before', 'first', 'second', 'third'];
  expect(await ben.texts()).toEqual(expected);
  await expect(ann.message('third')).toHaveAccessibleName(/read by Ben/);
  expect(await ann.texts()).toEqual(expected);
});

test('an answer that got lost does not make a second message', async ({ ann, ben }) => {
  const room = await makeRoom('Twice');
  await ann.open(room);
  await ben.open(room);
  let lost = 0;
  await ann.page.route('**/api/v1/channels/*/messages', async (route) => {
    if (route.request().method() !== 'POST' || lost > 0) return route.continue();
    lost += 1;
    await route.fetch();
    await route.abort('connectionreset');
  });
  await ann.send('only once');
  await expect(ben.message('only once')).toBeVisible();
  await ann.send('and the next');
  await expect(ben.message('and the next')).toBeVisible();
  expect(lost).toBe(1);
  expect(await ben.texts()).toEqual(['only once', 'and the next']);
});

test('unsent messages and drafts survive a reload', async ({ ann, ben }) => {
  const room = await makeRoom('Reload');
  await ann.open(room);
  await ben.open(room);
  await ann.page.route('**/api/v1/channels/*/messages', (route) =>
    route.request().method() === 'POST' ? route.abort() : route.continue(),
  );
  await ann.send('kept');
  await expect(ann.message('kept')).toHaveAccessibleName(/waiting to be sent/);
  await ann.composer.fill('half a thought');
  await ann.page.unrouteAll();
  await ann.page.reload();
  await expect(ben.message('kept')).toHaveCount(1);
  await expect(ann.composer).toHaveValue('half a thought');
});

test('what happened while one was away is there afterwards', async ({ ann, ben }) => {
  const room = await makeRoom('Away');
  await ann.open(room);
  await ben.open(room);
  await ann.send('stays');
  await ann.send('changes');
  await expect(ben.message('changes')).toBeVisible();

  await ben.page.context().setOffline(true);
  await expect(ben.page.getByText(/You’re offline/)).toBeVisible();
  await ann.composer.press('ArrowUp');
  await ann.page.getByRole('textbox', { name: 'Edit message' }).fill('changed');
  await ann.page.keyboard.press('Enter');
  await expect(ann.message('changed')).toBeVisible();
  await ann.send('new');
  await expect(ann.message('new')).toHaveAccessibleName(/sent/);

  await ben.page.context().setOffline(false);
  await expect(ben.message('new')).toBeVisible();
  expect(await ben.log.locator('.text').allInnerTexts()).toEqual(['stays', 'changed', 'new']);
});

test('an event that never came is noticed at the next one and pulled', async ({ ann, ben }) => {
  const room = await makeRoom('Gap');
  let swallowed = 0;
  await ben.page.routeWebSocket(/\/connection\/websocket/, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((frame) => {
      const lines = frame.toString().split('\n');
      const passed = lines.filter(
        (line) => !(line.includes('message.new') && line.includes('lost on the way')),
      );
      swallowed += lines.length - passed.length;
      if (passed.length > 0) socket.send(passed.join('\n'));
    });
  });
  await ann.open(room);
  await ben.open(room);
  await ann.send('lost on the way');
  await expect(ann.message('lost on the way')).toHaveAccessibleName(/sent/);
  await ann.send('gets through');
  await expect(ben.message('gets through')).toBeVisible();
  expect(swallowed).toBeGreaterThan(0);
  expect(await ben.texts()).toEqual(['lost on the way', 'gets through']);
});

test('a refused message says why and can be tried again', async ({ ann, ben }) => {
  const room = await makeRoom('Refused');
  await ann.open(room);
  await ben.open(room);
  const refusal = { error: { code: 'channel_frozen', message: 'Frozen', retryable: false } };
  await ann.page.route(
    '**/api/v1/channels/*/messages',
    (route) => route.fulfill({ status: 403, json: refusal }),
    { times: 1 },
  );
  await ann.send('once more');
  await expect(ann.log.getByText('Couldn’t send: This channel is frozen.')).toBeVisible();
  await ann.log.getByRole('button', { name: 'Retry' }).click();
  await expect(ben.message('once more')).toBeVisible();
  await expect(ann.log.getByText(/Couldn’t send/)).toBeHidden();
});

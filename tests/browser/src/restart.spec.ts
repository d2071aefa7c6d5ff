import { makeRoom } from './api';
import { expect, test } from './person';
import { newServer } from './server';

test('a server that crashes and comes back loses nothing, and the pages find it by themselves', async ({
  ann,
  ben,
}) => {
  test.slow();
  const server = await newServer('restart');
  try {
    const room = await makeRoom('Restart', server.url);
    await ann.open(room);
    await ben.open(room);
    await ann.send('before');
    await expect(ben.message('before')).toBeVisible();

    await server.kill();
    await expect(ann.page.getByText('You’re offline. Messages will go out when you’re back')).toBeVisible();
    for (const text of ['first', 'second', 'third']) await ann.send(text);
    await ben.send('from Ben');
    await expect(ann.page.getByText('Offline · 3 messages waiting')).toBeVisible();
    await expect(ann.message('third')).toHaveAccessibleName(/waiting to be sent/);

    await server.start();
    await expect(ann.page.getByText(/Offline|offline/)).toBeHidden();
    await expect(ben.message('third')).toBeVisible();
    await expect(ann.message('from Ben')).toBeVisible();
    await expect(ann.message('third')).toHaveAccessibleName(/read by Ben/);
    const texts = await ann.texts();
    expect([...texts].sort()).toEqual(['before', 'first', 'from Ben', 'second', 'third']);
    expect(texts.filter((text) => text !== 'from Ben')).toEqual(['before', 'first', 'second', 'third']);
    expect(await ben.texts()).toEqual(texts);

    // Events flow again, both ways and without a reload.
    await ben.composer.pressSequentially('Still');
    await expect(ann.page.getByText(/Ben.* is typing/)).toBeVisible();
    await ben.composer.press('Enter');
    await expect(ann.message('Still')).toBeVisible();
  } finally {
    await server.remove();
  }
});

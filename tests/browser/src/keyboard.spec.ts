import type { Locator } from '@playwright/test';

import { baseUrl, makeRoom, write } from './api';
import { expect, test } from './person';

const isFocused = (target: Locator) => target.evaluate((element) => element === document.activeElement);

test('everything can be done with the keyboard alone', async ({ ann, ben }) => {
  const room = await makeRoom('Keys');
  await write(room, 'ben', ['Good morning']);
  await ben.open(room);
  const { page } = ann;
  const { keyboard } = page;

  // Pick a user: one tab stop, arrows inside.
  await page.goto(baseUrl());
  const card = page.getByRole('button', { name: /^Ann/ });
  await expect(card).toBeVisible();
  await keyboard.press('Tab');
  for (let step = 0; step < 20 && !(await isFocused(card)); step += 1) {
    await keyboard.press('ArrowDown');
  }
  await expect(card).toBeFocused();
  await keyboard.press('Enter');
  await expect(ann.row(room)).toBeVisible();

  // From the composer back to the list, and along it to the room.
  await expect(ann.composer).toBeFocused();
  await ann.page.getByRole('button', { name: 'New conversation' }).focus();
  await keyboard.press('Tab');
  await keyboard.press('Home');
  for (let step = 0; step < 100 && !(await isFocused(ann.row(room))); step += 1) {
    await keyboard.press('ArrowDown');
  }
  await keyboard.press('Enter');
  await expect(ann.message('Good morning')).toBeVisible();
  await expect(ann.composer).toBeFocused();

  // Send, and edit the last one from an empty field.
  await keyboard.type('Good mroning, Ben');
  await keyboard.press('Enter');
  await expect(ben.message('Good mroning, Ben')).toBeVisible();
  await keyboard.press('ArrowUp');
  await expect(page.getByRole('textbox', { name: 'Edit message' })).toBeFocused();
  await keyboard.press('Escape');
  await expect(ann.composer).toBeFocused();
  await keyboard.press('ArrowUp');
  await keyboard.press('ControlOrMeta+a');
  await keyboard.type('Good morning, Ben');
  await keyboard.press('Enter');
  await expect(ben.message('Good morning, Ben')).toContainText('Edited');
  await expect(ann.composer).toBeFocused();

  // Into the messages: the newest first, arrows and Home further, its actions by Enter.
  await keyboard.press('Shift+Tab');
  await expect(ann.message('Good morning, Ben')).toBeFocused();
  await keyboard.press('Home');
  await expect(ann.log.getByRole('article').first()).toBeFocused();
  await keyboard.press('End');
  await keyboard.press('Enter');
  await expect(ann.message('Good morning, Ben').getByRole('button', { name: 'Copy' })).toBeFocused();
  await keyboard.press('Escape');
  await expect(ann.composer).toBeFocused();

  // Delete, with the focus back where it came from.
  await keyboard.press('Shift+Tab');
  await keyboard.press('Delete');
  await expect(page.getByRole('dialog').getByRole('button', { name: 'Delete' })).toBeFocused();
  await keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(ann.message('Good morning, Ben')).toBeFocused();
  await keyboard.press('Delete');
  await keyboard.press('Enter');
  await expect(ben.log.getByText(/Ann.* deleted a message/)).toBeVisible();

  // The list of shortcuts, and away with it.
  await ann.log.getByRole('article').last().focus();
  await keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Settings' })).toBeVisible();
  await keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
});

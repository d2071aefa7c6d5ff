import { makeRoom } from './api';
import { expect, test } from './person';

test('two people talk, and each sees the other', async ({ ann, ben }) => {
  const room = await makeRoom('Talk');
  await ann.open(room);
  await ben.open(room);

  await ann.send('Are you there?');
  await expect(ben.message('Are you there?')).toBeVisible();
  await ben.send('Yes, right here');
  await expect(ann.message('Yes, right here')).toBeVisible();

  await expect(ann.message('Are you there?')).toHaveAccessibleName(/read by Ben/);
  expect(await ann.texts()).toEqual(['Are you there?', 'Yes, right here']);
  expect(await ben.texts()).toEqual(['Are you there?', 'Yes, right here']);
});

test('typing shows, and ends with the message', async ({ ann, ben }) => {
  const room = await makeRoom('Typing');
  await ann.open(room);
  await ben.open(room);

  await ben.composer.pressSequentially('I thi');
  await expect(ann.page.getByText(/Ben.* is typing/)).toBeVisible();
  await ben.composer.press('Enter');
  await expect(ann.message('I thi')).toBeVisible();
  await expect(ann.page.getByText(/is typing/)).toBeHidden();
});

test('an edit and a deletion show at once on the other side', async ({ ann, ben }) => {
  const room = await makeRoom('Changes');
  await ann.open(room);
  await ben.open(room);
  await ann.send('At tne station');
  await expect(ben.message('At tne station')).toBeVisible();

  await ann.message('At tne station').hover();
  await ann.message('At tne station').getByRole('button', { name: 'Edit' }).click();
  const edit = ann.page.getByRole('textbox', { name: 'Edit message' });
  await expect(edit).toHaveValue('At tne station');
  await edit.fill('At the station');
  await edit.press('Enter');
  await expect(ben.message('At the station')).toContainText('Edited');

  await ann.message('At the station').hover();
  await ann.message('At the station').getByRole('button', { name: 'Delete' }).click();
  await ann.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(ben.log.getByText(/Ann.* deleted a message/)).toBeVisible();
  await expect(ann.log.getByText('You deleted a message')).toBeVisible();
  await expect(ben.message('At the station')).toHaveCount(0);
});

test('one cannot change what others wrote', async ({ ann, ben }) => {
  const room = await makeRoom('Others');
  await ann.open(room);
  await ben.open(room);
  await ann.send('Mine');
  await ben.message('Mine').hover();
  await expect(ben.message('Mine').getByRole('button', { name: 'Copy' })).toBeVisible();
  await expect(ben.message('Mine').getByRole('button', { name: 'Edit' })).toHaveCount(0);
});

test('a conversation with a person opens the same channel for both', async ({ ann, ben }) => {
  const room = await makeRoom('Start');
  await ann.open(room);
  await ben.open(room);
  const text = `Just us ${room.name}`;

  await ann.page.getByRole('button', { name: 'New conversation' }).click();
  const dialog = ann.page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Start chat' }).click();
  await expect(dialog.getByText('Pick at least one person.')).toBeVisible();
  await dialog.getByRole('searchbox').fill('Ben');
  await dialog.getByRole('checkbox', { name: /^Ben/ }).check();
  await dialog.getByRole('button', { name: 'Start chat' }).click();
  await expect(dialog).toBeHidden();
  await ann.send(text);

  await ben.page.getByRole('navigation').getByRole('button', { name: text }).click();
  await expect(ben.message(text)).toBeVisible();
});

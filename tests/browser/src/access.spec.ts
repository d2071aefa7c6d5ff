import AxeBuilder from '@axe-core/playwright';

import { makeRoom, write } from './api';
import { expect, Person, test } from './person';

async function faultsOf(person: Person): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page: person.page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const contrast of ['no-preference', 'more'] as const) {
    test(`axe finds nothing: ${colorScheme}, contrast ${contrast}`, async ({ browser, ben }) => {
      // Axe looks at everything four times, which is a lot for a busy machine.
      test.slow();
      const room = await makeRoom('Axe');
      await write(room, 'ben', ['**Bold**, `code`, https://example.org', '> quoted\nand answered']);
      await write(room, 'ann', ['Mine']);
      // Fading in is not what is looked at here.
      const ann = await Person.at(browser, 'ann', { colorScheme, contrast, reducedMotion: 'reduce' });
      await ann.open(room);
      await ben.open(room);
      await expect(ann.message('Mine')).toHaveAccessibleName(/read by Ben/);
      await ben.composer.pressSequentially('Hm');
      await expect(ann.page.getByText(/is typing/)).toBeVisible();
      await ann.message('Mine').hover();
      expect(await faultsOf(ann)).toEqual([]);

      await ann.page.getByRole('button', { name: 'Members' }).click();
      await ann.page.getByRole('button', { name: 'New conversation' }).click();
      await expect(ann.page.getByRole('dialog').getByRole('checkbox').first()).toBeVisible();
      expect(await faultsOf(ann)).toEqual([]);
      await ann.page.keyboard.press('Escape');

      await ann.page.getByRole('button', { name: 'Settings' }).click();
      expect(await faultsOf(ann)).toEqual([]);
      await ann.page.keyboard.press('Escape');

      await ann.page.context().setOffline(true);
      await expect(ann.page.getByText(/You’re offline/)).toBeVisible();
      await ann.send('later');
      await expect(ann.page.getByText(/1 message waiting/)).toBeVisible();
      expect(await faultsOf(ann)).toEqual([]);
      await ann.leave();
    });
  }
}

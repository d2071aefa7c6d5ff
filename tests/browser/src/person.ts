/** Somebody at a browser: what they do and what they see, in the words of the page's roles and names. */

import { test as base, expect, type Browser, type BrowserContextOptions, type Page } from '@playwright/test';

import type { Room } from './api';

export class Person {
  private constructor(
    readonly userId: string,
    readonly page: Page,
    private readonly faults: string[],
  ) {}

  static async at(browser: Browser, userId: string, options: BrowserContextOptions = {}): Promise<Person> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, ...options });
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy|Warning:/.test(message.text())) faults.push(message.text());
    });
    return new Person(userId, page, faults);
  }

  async open(room: Room, query = ''): Promise<void> {
    await this.page.goto(`${room.server}/?user=${this.userId}${query}#${room.id}`);
    await expect(this.log).toBeVisible();
    await expect(this.page.getByRole('heading', { name: room.name })).toBeVisible();
    await this.connected(room);
  }

  /** Typing and the like are not kept for those who come later: wait until this page hears the room. */
  private async connected(room: Room): Promise<void> {
    await expect(this.page.locator(`[data-live="${room.id}"]`)).toBeAttached();
  }

  get log() {
    return this.page.getByRole('log');
  }

  get composer() {
    return this.page.getByRole('textbox', { name: /^Message to/ });
  }

  /** A message by its text; its name ends with the state of delivery. */
  message(text: string | RegExp) {
    return this.log.getByRole('article').filter({ hasText: text });
  }

  /** The message that says this and nothing else. */
  exactly(text: string) {
    return this.log
      .getByRole('article')
      .filter({ has: this.page.locator('.text').getByText(text, { exact: true }) });
  }

  row(room: Room) {
    return this.page.getByRole('navigation').getByRole('button', { name: room.name });
  }

  async send(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press('Enter');
  }

  /** The texts of the log, top to bottom. */
  texts(): Promise<string[]> {
    return this.log.locator('.text').allInnerTexts();
  }

  async leave(): Promise<void> {
    await this.page.context().close();
    expect(this.faults, `faults on ${this.userId}'s page`).toEqual([]);
  }
}

export const test = base.extend<{ ann: Person; ben: Person }>({
  ann: async ({ browser }, use) => {
    const ann = await Person.at(browser, 'ann');
    await use(ann);
    await ann.leave();
  },
  ben: async ({ browser }, use) => {
    const ben = await Person.at(browser, 'ben');
    await use(ben);
    await ben.leave();
  },
});

export { expect };

import { describe, expect, it } from 'vitest';

import { type Inline, isJumbo, parseInline, parseMarkdown, plainText, safeHref } from './markdown';

/** The tree in one line. */
const draw = (nodes: Inline[]): string =>
  nodes
    .map((node) => {
      switch (node.kind) {
        case 'text':
          return node.text;
        case 'code':
          return `<code ${node.text}>`;
        case 'link':
          return `<a ${node.href} ${draw(node.children)}>`;
        default:
          return `<${node.kind} ${draw(node.children)}>`;
      }
    })
    .join('');

describe('markdown', () => {
  it.each([
    ['**bold** and *italic* and _too_', '<strong bold> and <em italic> and <em too>'],
    ['**a *b* c**', '<strong a <em b> c>'],
    ['`**not bold**`', '<code **not bold**>'],
    ['snake_case_name 2 * 3 * 4', 'snake_case_name 2 * 3 * 4'],
    ['**open', '**open'],
    ['see https://parlor.dev/a(b).', 'see <a https://parlor.dev/a(b https://parlor.dev/a(b>).'],
    ['[site](https://parlor.dev)', '<a https://parlor.dev/ site>'],
    ['[x](javascript:alert(1))', '[x](javascript:alert(1))'],
    ['<b onclick="x">hi</b>', '<b onclick="x">hi</b>'],
  ])('reads %s', (source, tree) => {
    expect(draw(parseInline(source))).toBe(tree);
  });

  it('finds fenced code, quotes and paragraphs', () => {
    const blocks = parseMarkdown('Look\n```rust\nlet a = **b**;\n```\n> said\n> twice\nend');
    expect(blocks.map(({ kind }) => kind)).toEqual(['paragraph', 'code', 'quote', 'paragraph']);
    expect(blocks[1]).toEqual({ kind: 'code', text: 'let a = **b**;' });
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', 'vbscript:x', '//parlor.dev', 'file:///etc'])(
    'does not link %s',
    (target) => expect(safeHref(target)).toBeNull(),
  );

  it('takes no long over hostile input', () => {
    const started = performance.now();
    for (const source of ['**a '.repeat(5_000), '[a]('.repeat(5_000), '*`_'.repeat(6_000)])
      parseMarkdown(source);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('makes one plain line', () => expect(plainText('**Hi**\n> `there`')).toBe('Hi there'));

  it('knows a message of nothing but a few emoji', () => {
    expect(isJumbo('👍🏽')).toBe(true);
    expect(isJumbo('👨‍👩‍👧‍👦 ')).toBe(true);
    expect(isJumbo('👍👍👍👍')).toBe(false);
    expect(isJumbo('ok 👍')).toBe(false);
  });
});

/**
 * The little of Markdown that chat needs: bold, italic, code, links, quotes, line breaks.
 *
 * Parses to a tree that React renders as elements, so no HTML of a message ever becomes markup.
 * Links go to http, https and mailto only.
 */

export type Inline =
  | { kind: 'text' | 'code'; text: string }
  | { kind: 'strong' | 'em'; children: Inline[] }
  | { kind: 'link'; href: string; children: Inline[] };

export type Block = { kind: 'paragraph' | 'quote'; children: Inline[] } | { kind: 'code'; text: string };

const MAX_DEPTH = 4;

export function parseMarkdown(source: string): Block[] {
  const blocks: Block[] = [];
  let lines: string[] = [];
  let kind: 'paragraph' | 'quote' = 'paragraph';
  const flush = () => {
    const text = lines.join('\n').replace(/^\n+|\n+$/g, '');
    if (text !== '') blocks.push({ kind, children: parseInline(text) });
    lines = [];
  };
  const input = source.split('\n');
  for (let at = 0; at < input.length; at += 1) {
    const line = input[at] ?? '';
    const end = line.startsWith('```') ? input.findIndex((other, i) => i > at && other.trim() === '```') : -1;
    if (end > at) {
      flush();
      blocks.push({ kind: 'code', text: input.slice(at + 1, end).join('\n') });
      at = end;
      continue;
    }
    const quoted = line.startsWith('> ');
    if (quoted !== (kind === 'quote')) {
      flush();
      kind = quoted ? 'quote' : 'paragraph';
    }
    lines.push(quoted ? line.slice(2) : line);
  }
  flush();
  return blocks;
}

/** `javascript:` and the like give null. */
export function safeHref(target: string): string | null {
  try {
    const url = new URL(target);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function parseInline(text: string, depth = 0): Inline[] {
  const out: Inline[] = [];
  /** Markers that have no end further on, so that a long row of them costs one search each. */
  const endless = new Set<string>();
  let plain = '';
  let at = 0;
  while (at < text.length) {
    const found = depth < MAX_DEPTH ? inlineAt(text, at, depth, endless) : null;
    if (found) {
      if (plain !== '') out.push({ kind: 'text', text: plain });
      plain = '';
      out.push(found.node);
      at = found.end;
    } else {
      plain += text.charAt(at);
      at += 1;
    }
  }
  if (plain !== '') out.push({ kind: 'text', text: plain });
  return out;
}

interface Found {
  node: Inline;
  end: number;
}

function inlineAt(text: string, at: number, depth: number, endless: Set<string>): Found | null {
  switch (text.charAt(at)) {
    case '`':
      return span(text, at, '`', endless, (inner) => ({ kind: 'code', text: inner }));
    case '*':
      return text.startsWith('**', at)
        ? span(text, at, '**', endless, (inner) => ({
            kind: 'strong',
            children: parseInline(inner, depth + 1),
          }))
        : span(text, at, '*', endless, (inner) => ({ kind: 'em', children: parseInline(inner, depth + 1) }));
    case '_':
      // Inside a word an underscore is a letter: snake_case_name.
      if (/[\p{L}\p{N}_]/u.test(text.charAt(at - 1))) return null;
      return span(text, at, '_', endless, (inner) => ({
        kind: 'em',
        children: parseInline(inner, depth + 1),
      }));
    case '[':
      return namedLink(text, at, depth);
    case 'h':
      return bareLink(text, at);
    default:
      return null;
  }
}

function span(
  text: string,
  at: number,
  marker: string,
  endless: Set<string>,
  make: (inner: string) => Inline,
): Found | null {
  const start = at + marker.length;
  if (endless.has(marker) || /^\s?$/.test(text.charAt(start))) return null;
  const end = text.indexOf(marker, start + 1);
  if (end === -1) {
    endless.add(marker);
    return null;
  }
  const inner = text.slice(start, end);
  if (/\s$/.test(inner) || inner.includes('\n\n')) return null;
  const after = text.charAt(end + marker.length);
  if (marker === '_' && /[\p{L}\p{N}]/u.test(after)) return null;
  return { node: make(inner), end: end + marker.length };
}

const NAMED_LINK = /\[([^[\]\n]{1,500})\]\(([^()\s]{1,2000})\)/y;
const BARE_LINK = /https?:\/\/[^\s<>"`*]+/y;

function namedLink(text: string, at: number, depth: number): Found | null {
  NAMED_LINK.lastIndex = at;
  const match = NAMED_LINK.exec(text);
  const href = safeHref(match?.[2] ?? '');
  if (!match?.[1] || href === null) return null;
  const children = parseInline(match[1], depth + 1);
  return { node: { kind: 'link', href, children }, end: at + match[0].length };
}

function bareLink(text: string, at: number): Found | null {
  if (/[\p{L}\p{N}]/u.test(text.charAt(at - 1))) return null;
  BARE_LINK.lastIndex = at;
  const shown = BARE_LINK.exec(text)?.[0].replace(/[.,;:!?')\]]+$/, '') ?? '';
  const href = safeHref(shown);
  if (href === null) return null;
  return { node: { kind: 'link', href, children: [{ kind: 'text', text: shown }] }, end: at + shown.length };
}

/** One line without marks, for the channel list and screen readers. */
export function plainText(source: string): string {
  const words = (nodes: Inline[]): string =>
    nodes.map((node) => ('text' in node ? node.text : words(node.children))).join('');
  return parseMarkdown(source)
    .map((block) => (block.kind === 'code' ? block.text : words(block.children)))
    .join(' ')
    .replace(/\s+/g, ' ');
}

/** One to three emoji and nothing else are shown large. */
const EMOJI = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{RI}|\u200d|\ufe0f)+$/u;

export function isJumbo(source: string): boolean {
  const text = source.trim();
  return text.length <= 40 && EMOJI.test(text) && [...new Intl.Segmenter().segment(text)].length <= 3;
}

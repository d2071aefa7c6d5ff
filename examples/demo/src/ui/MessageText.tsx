import { memo, useState } from 'react';

import { type Block, type Inline, parseMarkdown } from '../text/markdown';

const FOLD_LINES = 14;
const FOLD_CHARS = 1_200;

/** Long texts fold; nothing here widens the page. */
export const MessageText = memo(function MessageText({ text }: { text: string }) {
  const long = text.length > FOLD_CHARS || text.split('\n').length > FOLD_LINES;
  const [folded, setFolded] = useState(true);
  return (
    <>
      <div className="text" dir="auto" data-folded={(long && folded) || undefined}>
        {parseMarkdown(text).map((block, index) => (
          <TextBlock key={index} block={block} />
        ))}
      </div>
      {long && (
        <button
          type="button"
          className="link fold"
          aria-expanded={!folded}
          onClick={() => setFolded(!folded)}
        >
          {folded ? 'Show more' : 'Show less'}
        </button>
      )}
    </>
  );
});

function TextBlock({ block }: { block: Block }) {
  if (block.kind === 'code') {
    return (
      <pre className="text-code" dir="ltr">
        <code>{block.text}</code>
      </pre>
    );
  }
  const children = block.children.map((node, index) => <TextInline key={index} node={node} />);
  return block.kind === 'quote' ? (
    <blockquote dir="auto">{children}</blockquote>
  ) : (
    <p dir="auto">{children}</p>
  );
}

function TextInline({ node }: { node: Inline }) {
  switch (node.kind) {
    case 'text':
      return node.text;
    case 'code':
      return <code>{node.text}</code>;
    case 'strong':
      return (
        <strong>
          <Children nodes={node.children} />
        </strong>
      );
    case 'em':
      return (
        <em>
          <Children nodes={node.children} />
        </em>
      );
    case 'link':
      return (
        <a href={node.href} target="_blank" rel="noopener noreferrer nofollow">
          <Children nodes={node.children} />
        </a>
      );
  }
}

function Children({ nodes }: { nodes: readonly Inline[] }) {
  return nodes.map((node, index) => <TextInline key={index} node={node} />);
}

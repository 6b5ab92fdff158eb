import { texts } from '../i18n/index.ts'
import { CopyButton } from '../kit/copy.tsx'
import { DrawInline } from './draw-inline.tsx'
import type { Block, ListEntry } from './tree.ts'

export function DrawBlocks({ blocks }: { readonly blocks: readonly Block[] }) {
  return (
    <>
      {blocks.map((block, at) => (
        <DrawBlock key={at} block={block} />
      ))}
    </>
  )
}

function DrawBlock({ block }: { readonly block: Block }) {
  switch (block.kind) {
    case 'paragraph':
      return (
        <p>
          <DrawInline content={block.content} />
        </p>
      )
    case 'heading':
      // all have one level, because a model may leave out levels
      return (
        <h4 class={`level-${block.level}`}>
          <DrawInline content={block.content} />
        </h4>
      )
    case 'code':
      return <DrawCode language={block.language} text={block.text} />
    case 'quote':
      return (
        <blockquote>
          <DrawBlocks blocks={block.blocks} />
        </blockquote>
      )
    case 'list':
      return <DrawList start={block.start} items={block.items} />
    case 'table':
      return <DrawTable table={block} />
    case 'rule':
      return <hr />
    case 'verbatim':
      return <p class="verbatim">{block.text}</p>
  }
}

function DrawCode({ language, text }: { readonly language: string; readonly text: string }) {
  return (
    <div class="code-block">
      <div class="code-head">
        <bdi>{language.slice(0, 40)}</bdi>
        <CopyButton text={text} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long line is scrolled with the keyboard */}
      <pre tabIndex={0} dir="ltr" role="group" aria-label={texts.value.try.code}>
        <code>{text}</code>
      </pre>
    </div>
  )
}

function DrawList({ start, items }: { readonly start: number | undefined; readonly items: readonly ListEntry[] }) {
  const drawn = items.map(({ isDone, blocks }, at) => (
    <li key={at} class={isDone === undefined ? undefined : 'task'}>
      {isDone !== undefined && <DrawTask isDone={isDone} />}
      <DrawBlocks blocks={blocks} />
    </li>
  ))
  return start === undefined ? <ul>{drawn}</ul> : <ol start={start}>{drawn}</ol>
}

function DrawTask({ isDone }: { readonly isDone: boolean }) {
  const { try: words } = texts.value
  return <span class="box" role="img" aria-label={isDone ? words.done : words.open} data-done={isDone} />
}

function DrawTable({ table: { align, header, rows } }: { readonly table: Extract<Block, { kind: 'table' }> }) {
  const styleOf = (at: number) => ({ textAlign: align[at] ?? ('start' as const) })
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled with the keyboard
    <div class="table" tabIndex={0} role="group" aria-label={texts.value.try.table}>
      <table>
        <thead>
          <tr>
            {header.map((cell, at) => (
              <th key={at} scope="col" style={styleOf(at)}>
                <DrawInline content={cell} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, line) => (
            <tr key={line}>
              {row.map((cell, at) => (
                <td key={at} style={styleOf(at)}>
                  <DrawInline content={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

import { useMemo } from 'preact/hooks'
import { DrawBlocks } from './draw-blocks.tsx'
import { MarkdownReader, type Section } from './markdown-reader.ts'

/** Shows an answer of a model, which may still grow. Nothing of it is a script, a picture or HTML. */
export function Markdown({ text }: { readonly text: string }) {
  const reader = useMemo(() => new MarkdownReader(), [])
  return (
    <div class="markdown">
      {reader.update(text).map((section, at) => (
        <DrawSection key={at} section={section} />
      ))}
    </div>
  )
}

/** A section that is the same as before is not drawn again. */
function DrawSection({ section }: { readonly section: Section }) {
  return useMemo(
    () => (
      <div class="section" dir="auto">
        <DrawBlocks blocks={section.blocks} />
      </div>
    ),
    [section],
  )
}

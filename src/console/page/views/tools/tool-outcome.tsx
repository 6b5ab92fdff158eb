import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { duration } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Badge } from '../../kit/badge.tsx'
import { imageOf } from './tool-image.ts'
import type { ToolImage, ToolResult } from './types.ts'

/** What a tool said: its text, its images and its structure. All of it is the server's, and shown as text. */
export function ToolOutcome({ result }: { readonly result: ToolResult }) {
  const words = texts.value.tools
  const title = useRef<HTMLHeadingElement>(null)
  useEffect(() => title.current?.focus(), [result])
  const { content, images, structured, is_error: isError, is_cut: isCut } = result
  return (
    <section class="outcome">
      <h4 ref={title} tabIndex={-1}>
        {words.result}
      </h4>
      <p>
        <Badge tone={isError ? 'bad' : 'good'}>{isError ? words.failed : words.worked}</Badge>{' '}
        {words.took(duration(result.took_ms))}
      </p>
      {content === '' && images.length === 0 && structured === null && <p class="quiet-text">{words.empty}</p>}
      {content !== '' && <TextBox label={words.text} text={content} />}
      {isCut && <p class="hint">{words.cut}</p>}
      {images.map((image, at) => (
        <Picture key={at} image={image} position={at + 1} />
      ))}
      {structured !== null && structured !== undefined && (
        <TextBox label={words.structured} text={JSON.stringify(structured, null, 2)} />
      )}
    </section>
  )
}

function TextBox({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <div class="recorded">
      <h5>{label}</h5>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled with the keyboard */}
      <pre class="text-box" tabIndex={0} role="region" aria-label={label}>
        <bdi>{text}</bdi>
      </pre>
    </div>
  )
}

function Picture({ image, position }: { readonly image: ToolImage; readonly position: number }) {
  const words = texts.value.tools
  const source = imageOf(image)
  const isBroken = useSignal(false)
  if (source === undefined)
    return (
      <p class="quiet-text">
        <bdi>{words.notShown(String(image.media_type).slice(0, 60))}</bdi>
      </p>
    )
  if (isBroken.value) return <p class="quiet-text">{words.broken}</p>
  return (
    <img class="tool-image" src={source} alt={words.image(position)} onError={() => void (isBroken.value = true)} />
  )
}

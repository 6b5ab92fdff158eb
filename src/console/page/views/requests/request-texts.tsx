import { texts } from '../../i18n/index.ts'
import { CopyBox } from '../../kit/copy.tsx'
import { isAdmin } from '../../session/me.ts'
import { curlOf, messagesIn } from './curl.ts'
import type { RecordedTexts, RequestDetails } from './types.ts'

/** The texts, where the operator records them. They are somebody else's words, and shown as text only. */
export function RequestTexts({ recorded }: { readonly recorded: RecordedTexts | null }) {
  const { details: names } = texts.value.requests
  if (!recorded)
    return (
      <section class="card">
        <h2>{names.texts}</h2>
        <p>{names.noTexts}</p>
        <p class="hint">{names.noTextsHint}</p>
      </section>
    )
  return (
    <section class="card wide">
      <h2>{names.texts}</h2>
      <p class="notice">{names.textsNote}</p>
      {(['request', 'answer'] as const).map(
        (name) =>
          recorded[name] !== null && (
            <div key={name} class="recorded">
              <h3>{names[name]}</h3>
              <TextBox label={names[name]} text={readable(recorded[name])} />
            </div>
          ),
      )}
      {recorded.is_cut && <p class="hint">{names.cut}</p>}
    </section>
  )
}

function TextBox({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled with the keyboard
    <pre class="text-box" tabIndex={0} role="region" aria-label={label}>
      <bdi>{text}</bdi>
    </pre>
  )
}

/** JSON with a member a line, and every other text without the empty lines at its end. */
export function readable(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text.trimEnd()
  }
}

/** The command that sends the request again. */
export function CurlPart({ request }: { readonly request: RequestDetails }) {
  const { details: names } = texts.value.requests
  const { texts: recorded } = request
  const text = recorded && !recorded.is_cut ? (recorded.request ?? undefined) : undefined
  const isSample = text === undefined || messagesIn(text) === undefined
  const command = curlOf(location.origin, { ...request, text })
  return (
    <section class="card wide">
      <h2>{names.curl}</h2>
      {command === undefined ? <p>{names.noCurl}</p> : <CopyBox text={command} label={names.curl} />}
      {command !== undefined && (
        <p class="hint">
          {names.curlHint} {isSample && names.curlSample}
        </p>
      )}
      {isAdmin() && (
        <p class="hint">
          {names.export}: {names.exportHint}
        </p>
      )}
    </section>
  )
}

import type { Signal } from '@preact/signals'
import { texts } from '../../i18n/index.ts'
import { CopyButton } from '../../kit/copy.tsx'
import { Fold } from '../../kit/fold.tsx'
import { Icon } from '../../kit/icon.tsx'
import { Markdown } from '../../markdown/markdown.tsx'
import { ReceiptView } from './receipt-view.tsx'
import { type Answer, type AnswerError, isRunning, type ToolCall } from './types.ts'

/** An answer, while it is written and after. */
export function AnswerView({ answer }: { readonly answer: Signal<Answer> }) {
  const { try: words } = texts.value
  const { state, text, reasoning, refusal, calls, notes, error } = answer.value
  return (
    <div class="answer" aria-busy={isRunning(answer.value)}>
      {reasoning !== '' && (
        <Fold title={text === '' && state === 'running' ? words.thinking : words.thoughts}>
          <p class="verbatim thoughts" dir="auto">
            {reasoning}
          </p>
        </Fold>
      )}
      {text !== '' && <Markdown text={text} />}
      {refusal !== '' && (
        <p class="notice warning" dir="auto">
          {refusal}
        </p>
      )}
      {calls.map((call, at) => (
        <CallView key={at} call={call} />
      ))}
      {notes.map((note) => (
        <p key={note} class="quiet-text">
          <bdi>{note}</bdi>
        </p>
      ))}
      {state === 'waiting' && <p class="waiting">{words.waiting}</p>}
      {state === 'done' && isEmpty(answer.value) && <p class="quiet-text">{words.empty}</p>}
      <EndOf answer={answer.value} error={error} />
      {!isRunning(answer.value) && (
        <footer class="answer-foot">
          <ReceiptView answer={answer.value} />
          {text !== '' && <CopyButton text={text} />}
        </footer>
      )}
    </div>
  )
}

function isEmpty({ text, reasoning, refusal, calls }: Answer): boolean {
  return text === '' && reasoning === '' && refusal === '' && calls.length === 0
}

/** Why an answer is not whole. */
function EndOf({ answer, error }: { readonly answer: Answer; readonly error: AnswerError | undefined }) {
  const { try: words } = texts.value
  if (answer.state === 'stopped') return <p class="quiet-text">{words.stopped}</p>
  if (answer.state === 'done') return answer.finish === 'length' ? <p class="quiet-text">{words.cutByLimit}</p> : null
  if (answer.state === 'broken') return <p class="notice bad">{words.broken}</p>
  if (answer.state !== 'failed' || !error) return null
  return (
    <div class="notice bad failure">
      <p>
        {error.status === undefined ? words.brokeOff : words.failed}
        <bdi class="untrusted">{error.message}</bdi>
      </p>
      <p>
        <code>
          <bdi>{error.code}</bdi>
        </code>
        {error.status ? ` · HTTP ${error.status}` : ''}
      </p>
    </div>
  )
}

/** A tool that the model calls. Nothing is run here. */
function CallView({ call: { name, arguments: json } }: { readonly call: ToolCall }) {
  return (
    <section class="call">
      <h4>
        <Icon name="tools" />
        {texts.value.try.calls} <bdi>{name}</bdi>
      </h4>
      <pre dir="ltr">
        <code>{indented(json)}</code>
      </pre>
    </section>
  )
}

function indented(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), undefined, 2)
  } catch {
    return json
  }
}

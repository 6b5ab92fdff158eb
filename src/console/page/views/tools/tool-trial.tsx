import { useSignal } from '@preact/signals'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { texts } from '../../i18n/index.ts'
import { Segments } from '../../kit/segments.tsx'
import { tell } from '../../kit/toast.tsx'
import { ApiError, askJson } from '../../session/api.ts'
import { FormPart } from './form-fields.tsx'
import { readForm } from './form-model.ts'
import { draftOf, type FormProblem, fill, readDraft } from './form-values.ts'
import { JsonArguments } from './json-arguments.tsx'
import { ToolOutcome } from './tool-outcome.tsx'
import type { OfferedTool, ToolResult } from './types.ts'

const noProblems: ReadonlyMap<string, FormProblem> = new Map()

/** The form of a tool, and what it said. The arguments are kept as a form or as JSON. */
export function ToolTrial({ tool }: { readonly tool: OfferedTool }) {
  const words = texts.value.tools
  const form = useMemo(() => readForm(tool.parameters), [tool])
  const draft = useSignal(draftOf(form))
  const json = useSignal<string | undefined>(form.kind === 'group' ? undefined : '{}')
  const problems = useSignal(noProblems)
  const jsonProblem = useSignal<string | undefined>(undefined)
  const run = useRun(tool.name)
  const readAll = (): unknown => {
    if (json.value !== undefined) return readJson(json.value, (problem) => void (jsonProblem.value = problem))
    const reading = readDraft(form, draft.value)
    problems.value = 'problems' in reading ? reading.problems : noProblems
    return 'value' in reading ? reading.value : undefined
  }
  const submit = (event: Event) => {
    event.preventDefault()
    jsonProblem.value = undefined
    const value = readAll()
    if (value === undefined) focusProblem(event.currentTarget)
    else void run.start(value)
  }
  const choose = (way: 'form' | 'json') => {
    if (way === 'json') {
      const reading = readDraft(form, draft.value)
      json.value ??= JSON.stringify('value' in reading ? reading.value : {}, null, 2)
      return
    }
    const value = readJson(json.value ?? '{}', (problem) => void (jsonProblem.value = problem))
    const filled = value === undefined ? undefined : fill(form, value)
    if (value !== undefined && !filled) jsonProblem.value = words.notInForm
    if (!filled) return
    draft.value = filled
    json.value = undefined
  }
  return (
    <form class="trial" onSubmit={submit}>
      {form.kind === 'group' && (
        <Segments
          label={words.input}
          value={json.value === undefined ? 'form' : 'json'}
          options={[
            { value: 'form', text: words.asForm },
            { value: 'json', text: words.asJson },
          ]}
          onChoose={choose}
        />
      )}
      {json.value !== undefined ? (
        <JsonArguments text={json.value} problem={jsonProblem.value} onInput={(text) => void (json.value = text)} />
      ) : (
        <FormPart
          field={form}
          draft={draft.value}
          at=""
          problems={problems.value}
          onChange={(changed) => void (draft.value = changed)}
        />
      )}
      {form.kind === 'group' && form.fields.length === 0 && json.value === undefined && <p>{words.noFields}</p>}
      <RunButtons run={run} />
      {run.error.value && (
        <p class="notice bad" role="alert">
          <bdi>{run.error.value}</bdi>
        </p>
      )}
      {run.result.value && <ToolOutcome result={run.result.value} />}
    </form>
  )
}

function RunButtons({ run }: { readonly run: ReturnType<typeof useRun> }) {
  const words = texts.value.tools
  return (
    <div class="row">
      <button type="submit" class="button main" aria-disabled={run.isRunning.value}>
        {words.run}
      </button>
      {run.isRunning.value && (
        <button type="button" class="button" onClick={run.stop}>
          {words.stop}
        </button>
      )}
      <p class="hint" role="status">
        {run.isRunning.value ? words.trying : words.careful}
      </p>
    </div>
  )
}

/** Runs a tool once at a time. Leaving the view stops it. */
function useRun(name: string) {
  const running = useRef<AbortController | undefined>(undefined)
  const isRunning = useSignal(false)
  const result = useSignal<ToolResult | undefined>(undefined)
  const error = useSignal<string | undefined>(undefined)
  useEffect(() => () => running.current?.abort(), [])
  const start = async (value: unknown) => {
    if (running.current) return
    const own = new AbortController()
    running.current = own
    isRunning.value = true
    result.value = undefined
    error.value = undefined
    try {
      const path = `/admin/tools/${encodeURIComponent(name)}/call`
      result.value = await askJson<ToolResult>(path, { method: 'POST', body: { arguments: value }, signal: own.signal })
    } catch (thrown) {
      if (own.signal.aborted) tell(texts.value.tools.stopped)
      else error.value = thrown instanceof ApiError ? thrown.message : String(thrown)
    } finally {
      running.current = undefined
      isRunning.value = false
    }
  }
  return { isRunning, result, error, start, stop: () => running.current?.abort() }
}

function readJson(text: string, onProblem: (problem: string) => void): unknown {
  const words = texts.value.tools
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
    onProblem(words.notObject)
  } catch {
    onProblem(words.badJson)
  }
  return undefined
}

/** The first field that is wrong gets the focus, after it is drawn as such. */
function focusProblem(form: EventTarget | null): void {
  requestAnimationFrame(() => {
    if (form instanceof HTMLFormElement) form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  })
}

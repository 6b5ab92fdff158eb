import { type SpanContext, SpanKind } from '@opentelemetry/api'
import { ChatError } from '../chat/error.ts'
import { operationName } from '../chat/operation-name.ts'
import { excerpt } from '../chat/secret.ts'
import type { AttemptSpan, ExchangeSpan, Span, ToolSpan, TracedAttempt, TracedToolRun } from '../flow/span.ts'
import { AnswerWatch } from './answer-watch.ts'
import { attemptAttributes } from './attempt-attributes.ts'
import { addressIn } from './exchange-address.ts'
import type { SpanData } from './span-data.ts'
import type { NewSpan, SpanRecorder, TraceClock } from './span-recorder.ts'
import { boundedText, inputMessages } from './texts.ts'
import { headersFor } from './trace-context.ts'

const noHeaders = {}
const maxName = 200

/** What a span needs to begin: the recorder, and its trace. */
export interface SpanPlace {
  readonly recorder: SpanRecorder
  readonly clock: TraceClock
  readonly context: SpanContext
  readonly parent: SpanContext | undefined
}

/** A span that is recorded. */
export class RecordedSpan implements Span {
  protected readonly data: SpanData
  protected readonly place: SpanPlace

  constructor(span: NewSpan, place: SpanPlace) {
    const { recorder, context, parent, clock } = place
    this.place = place
    this.data = recorder.begin(span, context, { parent, clock })
  }

  get traceId(): string {
    return this.place.context.traceId
  }

  get headers(): Readonly<Record<string, string>> {
    return this.place.recorder.propagates ? headersFor(this.place.context) : noHeaders
  }

  beginAttempt(attempt: TracedAttempt): AttemptSpan {
    return new RecordedAttempt(attempt, this.#placeOfChild())
  }

  beginToolRun(run: TracedToolRun): ToolSpan {
    return new RecordedToolRun(run, this.#placeOfChild())
  }

  beginExchange(method: string, url: string): ExchangeSpan {
    return new RecordedExchange({ method, url }, this.#placeOfChild())
  }

  protected finish(): void {
    this.place.recorder.end(this.data, this.place.clock)
  }

  #placeOfChild(): SpanPlace {
    const { recorder, clock, context } = this.place
    return { recorder, clock, context: recorder.childContext(context), parent: context }
  }
}

/** Outcomes that are no failure of the upstream. */
const harmless: ReadonlySet<string> = new Set(['ok', 'not_needed', 'client_closed'])

class RecordedAttempt extends RecordedSpan implements AttemptSpan {
  readonly #answer: AnswerWatch

  constructor(attempt: TracedAttempt, place: SpanPlace) {
    const name = `${operationName(attempt.request.task)} ${attempt.model}`
    super({ name, kind: SpanKind.CLIENT, attributes: attemptAttributes(attempt) }, place)
    const { messages } = attempt.request
    const keepsTexts = this.keepsTexts && messages !== undefined
    this.#answer = new AnswerWatch(keepsTexts)
    if (keepsTexts) this.data.addText('gen_ai.input.messages', inputMessages(messages))
  }

  get keepsTexts(): boolean {
    return this.place.recorder.keepsTexts
  }

  onBatch(batch: Parameters<AttemptSpan['onBatch']>[0]): void {
    this.#answer.add(batch)
  }

  end(outcome: string, firstMs: number | undefined): void {
    const { data } = this
    if (data.ended) return
    data.attributes['tributary.outcome'] = outcome
    if (firstMs !== undefined) data.attributes['gen_ai.response.time_to_first_chunk'] = firstMs / 1000
    this.#answer.describe(data)
    if (!harmless.has(outcome)) data.fail(outcome)
    this.finish()
  }
}

class RecordedToolRun extends RecordedSpan implements ToolSpan {
  constructor({ tool, server, callId, args }: TracedToolRun, place: SpanPlace) {
    const isOwn = server === 'builtin'
    const attributes = {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': tool,
      'gen_ai.tool.type': 'function',
      'tributary.tool.server': server,
      ...(callId !== undefined && { 'gen_ai.tool.call.id': excerpt(callId, maxName) }),
      ...(!isOwn && { 'mcp.method.name': 'tools/call' }),
    }
    super({ name: `execute_tool ${tool}`, kind: isOwn ? SpanKind.INTERNAL : SpanKind.CLIENT, attributes }, place)
    if (place.recorder.keepsTexts) this.data.addText('gen_ai.tool.call.arguments', boundedText(JSON.stringify(args)))
  }

  end(outcome: Parameters<ToolSpan['end']>[0], failure?: unknown): void {
    if (outcome && this.place.recorder.keepsTexts)
      this.data.addText('gen_ai.tool.call.result', boundedText(outcome.content))
    if (!outcome) this.data.fail(codeOf(failure))
    else if (outcome.isError) this.data.fail('tool_failed')
    this.finish()
  }
}

class RecordedExchange extends RecordedSpan implements ExchangeSpan {
  constructor({ method, url }: { readonly method: string; readonly url: string }, place: SpanPlace) {
    const { host, port } = addressIn(url)
    const attributes = { 'http.request.method': method, 'server.address': host, 'server.port': port }
    super({ name: method, kind: SpanKind.CLIENT, attributes }, place)
  }

  end(status: number): void {
    this.data.attributes['http.response.status_code'] = status
    if (status >= 400) this.data.fail(String(status))
    this.finish()
  }

  fail(thrown: unknown): void {
    const code = codeOf(thrown)
    this.data.attributes['error.type'] = code
    if (!harmless.has(code)) this.data.fail(code)
    this.finish()
  }
}

/** The code of a failure. Its message may quote an upstream that repeats the prompt. */
function codeOf(thrown: unknown): string {
  return thrown instanceof ChatError ? thrown.ownCode : 'internal'
}

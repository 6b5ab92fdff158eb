import type { ComponentChildren } from 'preact'
import { count, duration, moment, money, percent } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Badge, type Tone } from '../../kit/badge.tsx'
import type { ConversationSums, RequestDetails } from './types.ts'

type Row = readonly [name: string, value: ComponentChildren]

/** Names with their values. What is not known is left out. */
function Facts({ rows }: { readonly rows: readonly (Row | false | null)[] }) {
  return (
    <dl class="facts">
      {rows.map(
        (row) =>
          row && (
            <div key={row[0]}>
              <dt>{row[0]}</dt>
              <dd>{row[1]}</dd>
            </div>
          ),
      )}
    </dl>
  )
}

function bdi(text: string) {
  return <bdi>{text}</bdi>
}

/** What is known of a request beside its times and its tokens. */
export function RequestFacts({ request }: { readonly request: RequestDetails }) {
  const { details: names } = texts.value.requests
  const { words } = texts.value
  const { surface, upstream, account, reply_bytes: bytes, usage_source: source, tools } = request
  return (
    <section class="card">
      <h2>{names.facts}</h2>
      <Facts
        rows={[
          [names.id, <code key="id">{bdi(request.id)}</code>],
          [names.time, moment(request.time)],
          [names.key, bdi(request.key)],
          surface !== undefined && [names.surface, bdi(surface)],
          [names.task, bdi(request.task)],
          [names.model, bdi(request.model)],
          upstream !== null && [names.upstream, bdi(upstream)],
          account !== null && [names.account, bdi(account)],
          [names.attempts, count(request.attempts)],
          request.continued > 0 && [names.continued, count(request.continued)],
          request.hedged && [names.hedged, words.yes],
          request.hops > 0 && [names.hops, count(request.hops)],
          bytes !== null && [names.replyBytes, count(bytes)],
          source !== null && [names.usageSource, bdi(source)],
          tools.length > 0 && [names.tools, <NameList key="tools" names={tools} />],
        ]}
      />
    </section>
  )
}

function NameList({ names }: { readonly names: readonly string[] }) {
  return (
    <ul class="names">
      {names.map((name, at) => (
        <li key={at}>
          <code>
            <bdi>{name}</bdi>
          </code>
        </li>
      ))}
    </ul>
  )
}

/** Tokens, the prompt cache and the cost. */
export function TokenFacts({ request }: { readonly request: RequestDetails }) {
  const { details: names } = texts.value.requests
  const { input_tokens: input, cached_tokens: cached, cache_broken_at: brokenAt } = request
  const share = input && cached !== null ? cached / input : null
  return (
    <section class="card">
      <h2>{names.tokens}</h2>
      <Facts
        rows={[
          [names.input, count(input)],
          [names.cached, count(cached)],
          [names.missed, count(input !== null && cached !== null ? input - cached : null)],
          request.cache_write_tokens !== null && [names.written, count(request.cache_write_tokens)],
          [names.output, count(request.output_tokens)],
          request.reasoning_tokens !== null && [names.reasoning, count(request.reasoning_tokens)],
          [names.cost, money(request.cost_usd)],
          [names.saved, money(request.saved_usd)],
        ]}
      />
      {share !== null && <p>{share > 0 ? names.hit(percent(share)) : names.noHit}</p>}
      {brokenAt !== null && (
        <div class="notice warning">
          <p>
            {names.brokenAt}{' '}
            <code>
              <bdi>{brokenAt}</bdi>
            </code>
          </p>
          <p>{names.brokenHint}</p>
        </div>
      )}
    </section>
  )
}

const treatmentTones: Readonly<Record<string, Tone>> = {
  honoured: 'good',
  mapped: 'info',
  emulated: 'info',
  dropped: 'bad',
}

/** What became of the parameters, and what the client's API could not say. */
export function TreatmentFacts({ request: { parameters, lost } }: { readonly request: RequestDetails }) {
  const { details: names } = texts.value.requests
  const { treatments } = names
  const list = Object.entries(parameters)
  return (
    <section class="card">
      <h2>{names.parameters}</h2>
      {list.length === 0 && <p class="quiet-text">{names.noParameters}</p>}
      <ul class="treatments">
        {list.map(([name, treatment]) => (
          <li key={name}>
            <code>
              <bdi>{name}</bdi>
            </code>{' '}
            <Badge tone={treatmentTones[treatment] ?? 'quiet'}>
              {Object.entries(treatments).find(([known]) => known === treatment)?.[1] ?? treatment}
            </Badge>
          </li>
        ))}
      </ul>
      {lost.length > 0 && (
        <>
          <h3>{names.lost}</h3>
          <p class="hint">{names.lostHint}</p>
          <NameList names={lost} />
        </>
      )}
    </section>
  )
}

export function ConversationFacts({ sums }: { readonly sums: ConversationSums }) {
  const { details: names } = texts.value.requests
  const share = sums.input_tokens > 0 ? sums.cached_tokens / sums.input_tokens : null
  return (
    <section class="card">
      <h2>{names.conversation}</h2>
      <Facts
        rows={[
          [names.id, <code key="id">{bdi(sums.id)}</code>],
          [names.conversationRequests, count(sums.requests)],
          [names.input, count(sums.input_tokens)],
          [names.cached, `${count(sums.cached_tokens)} (${percent(share)})`],
          [names.missed, count(sums.missed_tokens)],
          [names.written, count(sums.cache_write_tokens)],
          [names.output, count(sums.output_tokens)],
          [names.breaks, count(sums.cache_breaks)],
          [names.cost, money(sums.cost_usd)],
          [names.saved, money(sums.saved_usd)],
        ]}
      />
    </section>
  )
}

/** The figures that say most, above all others. */
export function RequestFigures({ request }: { readonly request: RequestDetails }) {
  const { columns } = texts.value.requests
  const figures = [
    [columns.first, duration(request.first_event_ms)],
    [columns.took, duration(request.duration_ms)],
    [columns.input, count(request.input_tokens)],
    [columns.output, count(request.output_tokens)],
    [columns.cost, money(request.cost_usd)],
  ]
  return (
    <ul class="figures">
      {figures.map(([name, value]) => (
        <li key={name} class="figure">
          <span>{name}</span>
          <strong>{value}</strong>
        </li>
      ))}
    </ul>
  )
}

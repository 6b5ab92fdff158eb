import type { ComponentChildren } from 'preact'
import { count, duration, money } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Fold } from '../../kit/fold.tsx'
import { hrefOf } from '../../router.ts'
import type { Answer } from './types.ts'

/** What an answer took and cost, and how it was made. */
export function ReceiptView({ answer }: { readonly answer: Answer }) {
  const { try: words } = texts.value
  const { firstMs, tookMs, usage, costUsd } = answer
  const rate = tokensPerSecond(answer)
  return (
    <Fold
      title={
        <span class="measures">
          {firstMs !== undefined && <Measure label={words.firstToken} value={duration(firstMs)} />}
          {rate !== undefined && <Measure label={words.perSecond} value={words.rate(rate)} />}
          {firstMs === undefined && tookMs !== undefined && <Measure label={words.took} value={duration(tookMs)} />}
          {usage && <Measure label={words.tokens} value={`${count(usage.input)} → ${count(usage.output)}`} />}
          {costUsd !== undefined && <Measure label={words.cost} value={money(costUsd)} />}
        </span>
      }
    >
      <Details answer={answer} />
    </Fold>
  )
}

function Measure({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    <span class="measure" title={label}>
      <span class="unseen">{label} </span>
      {value}
    </span>
  )
}

/** Of the part of the answer that was streamed. */
function tokensPerSecond({ usage, firstMs, tookMs }: Answer): number | undefined {
  const output = usage?.output
  if (!output || firstMs === undefined || tookMs === undefined || tookMs - firstMs < 1) return undefined
  return (1_000 * output) / (tookMs - firstMs)
}

function Details({ answer }: { readonly answer: Answer }) {
  const { try: words } = texts.value
  const { usage, receipt, costUsd, ranTools, firstMs, tookMs } = answer
  const tools = [
    ...(ranTools.length > 0 ? [words.ran(ranTools.join(', '))] : []),
    ...(receipt?.toolsMissing ? [words.toolsMissing(receipt.toolsMissing)] : []),
    ...(receipt?.toolsOmitted ? [words.toolsOmitted(receipt.toolsOmitted)] : []),
    ...(receipt?.toolsSearched ? [words.toolsSearched(receipt.toolsSearched)] : []),
  ]
  return (
    <dl class="facts receipt">
      <Fact name={words.firstToken} value={firstMs === undefined ? undefined : duration(firstMs)} />
      <Fact name={words.took} value={tookMs === undefined ? undefined : duration(tookMs)} />
      <Fact name={words.inputTokens} value={usage?.input === undefined ? undefined : count(usage.input)} />
      <Fact name={words.cachedTokens} value={usage?.cached === undefined ? undefined : count(usage.cached)} />
      <Fact name={words.outputTokens} value={usage?.output === undefined ? undefined : count(usage.output)} />
      <Fact name={words.reasoningTokens} value={usage?.reasoning === undefined ? undefined : count(usage.reasoning)} />
      <Fact name={words.usageSource} value={usage?.isEstimate ? words.estimated : undefined} />
      <Fact name={words.cost} value={costUsd === undefined ? words.unknownCost : money(costUsd)} />
      <Fact name={words.upstream} value={receipt?.upstream} />
      <Fact name={words.attempts} value={receipt?.attempts === undefined ? undefined : count(receipt.attempts)} />
      <Fact name={words.parameters} value={receipt?.parameters} />
      <Fact name={words.lost} value={receipt?.lost} />
      <Fact name={words.cache} value={receipt?.cache} />
      <Fact name={words.tools} value={tools.length > 0 ? tools.join('; ') : undefined} />
      <Fact name={words.continued} value={answer.notes.length > 0 ? answer.notes.join('; ') : undefined} />
      <Fact name={words.finish} value={answer.finish} />
      <Fact name={words.request} value={receipt?.requestId}>
        {receipt?.requestId !== undefined && <a href={hrefOf(['requests', receipt.requestId])}>{receipt.requestId}</a>}
      </Fact>
    </dl>
  )
}

interface FactProps {
  readonly name: string
  readonly value: string | undefined
  /** Shown in place of the value. */
  readonly children?: ComponentChildren
}

/** A fact, if it is known. */
function Fact({ name, value, children }: FactProps) {
  if (value === undefined) return null
  return (
    <>
      <dt>{name}</dt>
      <dd>{children || <bdi>{value}</bdi>}</dd>
    </>
  )
}

import type { Caller } from '../chat/caller.ts'
import { asChatError, ChatError } from '../chat/error.ts'
import type { AnswerCost, AnswerUsage, Call, Logger } from '../flow/call.ts'
import { nextTurn } from '../flow/next-turn.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Timer } from '../flow/timers.ts'
import type { Ending } from '../flow/watch.ts'
import type { Store } from '../state/store.ts'
import type { Counts } from './counts.ts'
import { dayMs, dayOf } from './days.ts'
import { other, Page, type PageWrite, writePage } from './page.ts'
import type { Prices } from './prices.ts'
import { type ReportQuery, reportUsage, type UsageReport } from './report.ts'
import type { PriceSource } from './shipped-prices.ts'
import { keyOfPage, pagesAtOnce } from './stored-pages.ts'

/** Milliseconds after which counts are in the store. A crash loses at most those of this time. */
const flushMs = 2_000
/** Milliseconds until another attempt, if the store cannot be written. */
const retryMs = 5_000
/** How long a day is kept. */
const keptMs = 400 * dayMs
/** Limit for the pages that wait to be written. Beyond it, all callers are counted together. */
const maxPages = 5_000
/** A process loses at most one round against each other process, so this many are enough for all of them. */
const maxRounds = 50

interface LedgerOptions {
  readonly store: Store
  readonly prices: Pick<Prices, 'shipped'>
  readonly log: Logger
  readonly runtime: Runtime
}

/**
 * Counts what each caller has used, by day, upstream and model. Counting is only an addition in memory. The counts are added to
 * the store some seconds later, so that several processes add up (docs/decisions/0082-ledger.md).
 */
export class Ledger {
  readonly #options: LedgerOptions
  readonly #writer: string
  #sequence = 0
  /** By the key of the stored page. */
  readonly #pending = new Map<string, Page>()
  /** The page that was used last, until it is written. */
  #last: { readonly id: string; readonly day: string; readonly page: Page } | undefined
  /** Writes that have begun, and have not been seen to succeed. They are repeated as they are. */
  readonly #unwritten = new Map<string, PageWrite>()
  /** Today, and when it ends. */
  #day = { text: '', endsAt: 0 }
  #timer: Timer | undefined
  #flushing: Promise<void> | undefined

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#writer = options.runtime.newId()
  }

  /** Counts an answer of an upstream. */
  addAnswer(caller: Caller, answer: AnswerUsage): void {
    const totals = this.#pageOf(caller).totalsOf(answer.upstream, answer.model)
    totals.add(tokensOf(answer))
    totals.add(costCounts(answer.cost))
  }

  /** Counts a request, at the upstream that answered last. */
  addCall({ caller, receipt }: Call, ending: Ending): void {
    const { upstream = receipt.upstream ?? '', model = '' } = receipt.answers.at(-1) ?? {}
    const hasFailed = ending.kind === 'failed' && ending.error.reason !== 'cancelled'
    this.#pageOf(caller).add(upstream, model, { requests: 1, failed: hasFailed ? 1 : 0 })
  }

  /** Writes all counts to the store, as far as that is possible. */
  async flush(): Promise<void> {
    while (this.#flushing) await this.#flushing
    this.#flushing = this.#writeAll()
    await this.#flushing
    this.#flushing = undefined
  }

  /** Where the prices that ship are from. */
  get prices(): PriceSource {
    return this.#options.prices.shipped
  }

  /** Sums what has been counted, also by other processes of the store. @throws ChatError */
  async report(query: ReportQuery): Promise<UsageReport> {
    await this.flush()
    return reportUsage(this.#options.store, query)
  }

  async close(): Promise<void> {
    await this.flush()
    this.#timer?.stop()
    const lost = this.#pending.size + this.#unwritten.size
    if (lost > 0) this.#options.log.error({ pages: lost }, 'the usage of the last seconds is lost')
  }

  /** The page of a caller today, which will be written. */
  #pageOf({ id, name }: Pick<Caller, 'id' | 'name'>): Page {
    const day = this.#today()
    // most answers are for the same caller as the last one
    if (this.#last && this.#last.id === id && this.#last.day === day) return this.#last.page
    const page = this.#findPage({ id, name }, day)
    this.#last = { id, day, page }
    return page
  }

  #findPage({ id, name }: Pick<Caller, 'id' | 'name'>, day: string): Page {
    this.#schedule(flushMs)
    const key = keyOfPage(day, id)
    const known = this.#pending.get(key)
    if (!known && this.#pending.size >= maxPages && id !== other) return this.#findPage({ id: other, name: other }, day)
    const page = known ?? new Page(name)
    page.name = name
    if (!known) this.#pending.set(key, page)
    return page
  }

  #today(): string {
    const now = this.#options.runtime.now()
    if (now >= this.#day.endsAt || now < this.#day.endsAt - dayMs)
      this.#day = { text: dayOf(now), endsAt: (Math.floor(now / dayMs) + 1) * dayMs }
    return this.#day.text
  }

  #schedule(ms: number): void {
    this.#timer ??= this.#options.runtime.timers.set(ms, () => void this.flush(), { isBackground: true })
  }

  async #writeAll(): Promise<void> {
    this.#timer?.stop()
    this.#timer = undefined
    this.#last = undefined
    for (const [key, page] of this.#pending) {
      if (this.#unwritten.has(key)) continue
      this.#unwritten.set(key, { page, writer: this.#writer, sequence: ++this.#sequence })
      this.#pending.delete(key)
    }
    const err = await this.#writePages([...this.#unwritten])
    if (err) this.#options.log.warn({ err }, 'the usage cannot be written, and is kept in memory')
    if (this.#pending.size + this.#unwritten.size > 0) this.#schedule(err ? retryMs : flushMs)
  }

  /** @returns the first failure */
  async #writePages(pages: readonly (readonly [key: string, write: PageWrite])[]): Promise<ChatError | undefined> {
    for (let at = 0; at < pages.length; at += pagesAtOnce) {
      if (at > 0) await nextTurn()
      const part = pages.slice(at, at + pagesAtOnce)
      const failures = await Promise.all(part.map(([key, write]) => this.#write(key, write)))
      const failure = failures.find((one) => one !== undefined)
      // the others would fail too
      if (failure) return failure
    }
    return undefined
  }

  async #write(key: string, write: PageWrite): Promise<ChatError | undefined> {
    try {
      await writeTo(this.#options.store, key, write)
      this.#unwritten.delete(key)
      return undefined
    } catch (thrown) {
      return asChatError(thrown)
    }
  }
}

async function writeTo(store: Store, key: string, write: PageWrite): Promise<void> {
  for (let round = 0; round < maxRounds; round++) {
    const stored = await store.get(key)
    const text = writePage(stored?.value, write)
    if (text === undefined) return
    if ((await store.compareAndSet(key, stored?.version ?? 0, text, { ttlMs: keptMs })) !== undefined) return
  }
  throw new ChatError('unavailable', { message: 'Others write the same page of the usage all the time.' })
}

function tokensOf({ usage }: AnswerUsage): Counts {
  const { inputTokens = 0, cachedInputTokens: cached, outputTokens = 0, reasoningTokens = 0 } = usage ?? {}
  return {
    answers: 1,
    inputTokens,
    outputTokens,
    reasoningTokens,
    cachedTokens: cached ?? 0,
    missedTokens: cached === undefined ? 0 : Math.max(0, inputTokens - cached),
    cacheWriteTokens: usage?.cacheWriteTokens ?? 0,
    estimates: usage?.source === 'estimate' ? 1 : 0,
  }
}

const nanosPerDollar = 1_000_000_000

/** Counts what an answer cost, and what the cache saved. */
function costCounts(cost: AnswerCost | undefined): Counts {
  if (!cost) return { unknownCosts: 1 }
  const { usd, savedUsd = 0 } = cost
  return {
    ...(usd === undefined ? { unknownCosts: 1 } : { costNanos: Math.round(usd * nanosPerDollar) }),
    savedNanos: Math.round(savedUsd * nanosPerDollar),
  }
}

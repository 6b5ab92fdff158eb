import { z } from 'zod'
import type { Seen } from '../clients/seen.ts'
import type { GatewayProcess } from '../machine/gateway-process.ts'
import { masterKey } from '../plan.ts'
import type { Attempt } from '../upstreams/attempt.ts'
import { truthOf, type Wish } from '../upstreams/truth.ts'

const Report = z.looseObject({ data: z.array(z.looseObject({ upstream: z.string(), output_tokens: z.number() })) })

/** Tokens of a broken answer are estimated: never more than one for each character, and so many for its form. */
const mostOfForm = 20

interface Used {
  /** All upstreams that count tokens. A word of an answer is a token. */
  readonly upstreams: readonly { readonly name: string; readonly attempts: readonly Attempt[] }[]
  readonly seen: readonly Seen[]
  /** Everything that was asked for. */
  readonly wishes: readonly Wish[]
}

/** Every answer that an upstream has given is counted once. @returns what the ledger has wrong */
export async function judgeUsage(
  process: GatewayProcess,
  { upstreams, seen, wishes }: Used,
): Promise<readonly string[]> {
  const response = await process.fetch('/admin/usage?by=upstream', {
    headers: { authorization: `Bearer ${masterKey}` },
  })
  const report = Report.parse(await response.json())
  const words = new Map(wishes.map((wish) => [wish.id, wish.words]))
  const got = new Set(seen.filter(isWhole).map(({ wish }) => wish.id))
  return upstreams.flatMap(({ name, attempts }) => {
    const counted = report.data.find(({ upstream }) => upstream === name)?.output_tokens ?? 0
    const [least, most] = boundsOf(attempts, { words, got })
    if (counted >= least && counted <= most) return []
    return [`the ledger has ${counted} tokens of ${name}, which has sent ${least} to ${most}`]
  })
}

function isWhole({ status, end }: Seen): boolean {
  return status === 200 && end === 'whole'
}

interface Known {
  readonly words: ReadonlyMap<string, number>
  /** The requests whose clients have read all. */
  readonly got: ReadonlySet<string>
}

/** What must be counted at least, and what may be counted at most. */
function boundsOf(attempts: readonly Attempt[], { words, got }: Known): readonly [least: number, most: number] {
  const byId = Map.groupBy(attempts, ({ id }) => id)
  let [least, most] = [0, 0]
  for (const { id, isWhole, from } of attempts) {
    const count = words.get(id) ?? 1
    // the count of tokens is the last that an upstream sends, and a client that leaves may leave before it
    most += isWhole && got.has(id) ? count : truthOf({ id, words: count }).length + mostOfForm
    const isOnly = byId.get(id)?.length === 1
    if (isWhole && from === 0 && isOnly && got.has(id)) least += count
  }
  return [least, most]
}

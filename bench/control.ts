import { list, member, number, text } from './read-json.ts'
import type { Target } from './targets.ts'

export type UpstreamState = {
  /** The contents of the requests whose answers are not ended. */
  readonly pending: ReadonlySet<string>
  /** For each cut request, by its content: when its connection was closed, in milliseconds since 1970. */
  readonly cutAtMs: ReadonlyMap<string, number>
}

export async function upstreamState(mock: Target): Promise<UpstreamState> {
  const state: unknown = await ask(mock, 'state')
  const cuts = list(member(state, 'cuts')).map(
    (cut) => [text(member(cut, 'content')), number(member(cut, 'atMs'))] as const,
  )
  return { pending: new Set(list(member(state, 'pending')).map(text)), cutAtMs: new Map(cuts) }
}

export async function forgetCuts(mock: Target): Promise<void> {
  await ask(mock, 'forget')
}

async function ask(mock: Target, what: 'state' | 'forget'): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${mock.port}/control/${what}`)
  return answer.json()
}

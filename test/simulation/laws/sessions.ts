import { z } from 'zod'
import { readSessionEvents } from '../clients/read-session-events.ts'
import type { Talker, Turn } from '../clients/talker.ts'
import type { GatewayProcess } from '../machine/gateway-process.ts'
import { promptOf, truthOf, wishIn } from '../upstreams/truth.ts'
import { judgeRead } from './answers.ts'

const Messages = z.looseObject({
  messages: z.array(z.looseObject({ role: z.string(), content: z.string(), status: z.string().optional() })),
})

type Message = z.infer<typeof Messages>['messages'][number]

/** @param isKept whether nothing may be lost of what a client has seen @returns what is wrong with a session */
export async function judgeSession(
  talker: Talker,
  process: GatewayProcess,
  isKept: boolean,
): Promise<readonly string[]> {
  const seen = talker.turns.flatMap(({ sent }) =>
    sent.flatMap((one) => {
      const mayBreak = one.process?.endedAt !== undefined || one.process?.isStopping === true
      return judgeRead(one, readSessionEvents(one.body), mayBreak).map((line) => `the turn ${one.wish.id} ${line}`)
    }),
  )
  const headers = { authorization: `Bearer ${talker.key}` }
  const response = await process.fetch(`/api/sessions/${talker.session}/messages`, { headers })
  const stored = Messages.safeParse(await response.json()).data?.messages ?? []
  return [...seen, ...judgeStored(stored, talker), ...(isKept ? judgeKept(stored, talker.turns) : [])]
}

/** What is stored is in order, and nothing is there twice or in a wrong place. */
function judgeStored(stored: readonly Message[], { session, turns }: Talker): readonly string[] {
  const wrong: string[] = []
  const asked = stored.filter(({ role }) => role === 'user').map(({ content }) => content)
  const order = turns.map(({ wish }) => promptOf(wish))
  const places = asked.map((content) => order.indexOf(content))
  if (places.some((place, at) => place <= (places[at - 1] ?? -1)))
    wrong.push(`the session ${session} has its turns doubled or in another order: ${asked.join(', ')}`)
  let wish = wishIn('')
  for (const { role, content } of stored) {
    if (role === 'user') wish = wishIn(content)
    else if (wish && !truthOf(wish).startsWith(content))
      wrong.push(`the session ${session} has an answer that is not that of ${wish.id}: ${content.slice(0, 80)}`)
  }
  return wrong
}

/** What a client has seen whole is stored whole. */
function judgeKept(stored: readonly Message[], turns: readonly Turn[]): readonly string[] {
  const complete = turns.filter(({ sent }) => sent.some(({ body }) => body.includes('"type":"complete"')))
  return complete.flatMap(({ wish }) => {
    const at = stored.findIndex(({ content }) => content === promptOf(wish))
    const answers = stored
      .slice(at + 1)
      .filter(({ content, status }) => status === 'completed' && content === truthOf(wish))
    return at === -1 || answers.length !== 1
      ? [`the answer to ${wish.id} was seen whole and is stored ${answers.length} times`]
      : []
  })
}

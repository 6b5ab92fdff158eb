import type { Part, ToolCallPart } from '../../src/chat/message.ts'
import { Conversations } from '../../src/conversations/conversations.ts'
import { sqlitePlace } from '../../src/state/sqlite/sqlite-place.ts'
import { machine, newCancel } from '../../src/wire/machine.double.ts'

/** Writes turns into a session until it is killed, and prints each step when it is acknowledged. */
const [file = ''] = process.argv.slice(2)
const conversations = new Conversations({
  runtime: machine,
  store: await sqlitePlace({ file }).open(machine),
  ttlMs: 3_600_000,
})
const whose = { client: 'chaos', session: 's' }
const signal = newCancel()
const said = (text: string): Part => ({ type: 'text', text })
const say = (word: string) => process.stdout.write(`${word}\n`)

for (;;) {
  const word = crypto.randomUUID()
  const opened = await conversations.open(whose, { model: 'm', content: `q ${word}` }, { wait: false, signal })
  say(`q ${word}`)
  if (opened.kind === 'answered') continue
  const { turn } = opened
  const calls = ['a', 'b'].map(
    (name): ToolCallPart => ({ type: 'tool-call', id: `${name} ${word}`, name, arguments: '{}' }),
  )
  await turn.addCalls({ message: { content: [said(`c ${word}`), ...calls] } })
  say(`c ${word}`)
  for (const { id, name } of calls) {
    await turn.addResult({ toolCallId: id, name, content: `r ${id}`, isError: false })
    say(`r ${id}`)
  }
  await turn.end('completed', { message: { content: [said(`e ${word}`)] } })
  say(`e ${word}`)
  await turn.close()
}

import { emulateCto } from '../../src/providers/cto/emulator/index.ts'
import { type CtoScript, ctoMessage, ctoState, ctoUpdate } from '../../src/providers/cto/emulator/script.ts'
import { chunkFrame } from '../../src/providers/langfast/emulator/answer.ts'
import { emulateLangfast } from '../../src/providers/langfast/emulator/index.ts'
import { emulateOpenai } from '../../src/providers/openai-compatible/emulator/index.ts'
import { eventFrame } from '../../src/wire/emulator/socketio.ts'
import { callBlock, markIn, writes } from '../emulation/text-model.ts'

/** What a model writes, of the mark that it is told. */
export type WriteText = (mark: string) => string

/** Services whose models write only text. They answer the requests that offer tools with the next of these. */
export interface TextServices {
  readonly answers: WriteText[]
  /** All prompts that offered tools, by their service. */
  readonly prompts: Readonly<Record<'lab' | 'cto' | 'langfast', readonly string[]>>
  readonly variables: Readonly<Record<string, string>>
  close(): Promise<unknown>
}

export function callsOf(...called: readonly (readonly [name: string, args: object])[]): WriteText {
  return (mark) => `I look at it.\n\n${called.map(([name, args]) => callBlock(mark, name, args)).join('\n')}\n`
}

export async function textServices(): Promise<TextServices> {
  const answers: WriteText[] = []
  const prompts = { lab: [] as string[], cto: [] as string[], langfast: [] as string[] }
  const next = (service: keyof typeof prompts, prompt: string): string | undefined => {
    const mark = markIn(prompt)
    if (mark === '') return undefined
    prompts[service].push(prompt)
    return answers.shift()?.(mark)
  }
  const lab = await emulateOpenai({
    reply: (body) => {
      const text = next('lab', JSON.stringify(body))
      return text === undefined ? undefined : writes(text)
    },
  })
  const cto = await emulateCto({
    reply: ({ prompt }) => {
      const text = next('cto', prompt)
      return text === undefined ? undefined : ctoScript(text)
    },
  })
  const langfast = await emulateLangfast({
    reply: () => {
      const text = next('langfast', JSON.stringify(langfast.runs.at(-1)?.prompt_meta))
      return text === undefined ? undefined : { job: 'job-1', answer: { body: langfastFrames(text) } }
    },
  })
  return {
    answers,
    prompts,
    variables: {
      ...cto.variables,
      ...langfast.variables,
      UPSTREAM_LAB_URL: lab.url,
      UPSTREAM_LAB_MODELS: 'text,gpt-5.5',
      UPSTREAM_LAB_TOOLS: 'none',
      EMULATE_TOOLS: 'all',
      CTO_MAX_RPM: '6000',
      LANGFAST_MAX_RPM: '6000',
    },
    close: () => Promise.all([lab.close(), cto.close(), langfast.close()]),
  }
}

function pieces(text: string): readonly string[] {
  return text.match(/[\s\S]{1,7}/g) ?? []
}

function ctoScript(text: string): CtoScript {
  const chats = pieces(text).map((content) => ctoUpdate({ id: 'msg_1', type: 'chat', chat: { content } }))
  return { body: [ctoState(true), ...chats, ctoState(false)].map(ctoMessage) }
}

/** Each frame has the whole text so far. */
function langfastFrames(text: string): readonly string[] {
  const executionId = 'job-1'
  const all = pieces(text)
  const growing = all.map((_, at) =>
    chunkFrame({ executionId, content: all.slice(0, at + 1).join(''), status: 'running' }),
  )
  const completed = chunkFrame({ executionId, content: text, status: 'completed', finish_reason: 'stop' })
  return [...growing, completed, eventFrame('completion_finished', {})]
}

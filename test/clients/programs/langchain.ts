import { tool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { z } from 'zod'
import { type Checks, same } from './checks.ts'

const schema = z.object({ city: z.string() })
const weather = tool(async () => 'rain', { name: 'weather', description: 'The weather.', schema })

export function langchain(url: string): Checks {
  const configuration = { baseURL: `${url}/v1` }
  const checks: Record<string, () => Promise<void>> = {}
  for (const [kind, useResponsesApi] of [
    ['Responses', true],
    ['Chat Completions', false],
  ] as const) {
    const model = new ChatOpenAI({ model: 'lab/m', apiKey: 'unused', configuration, useResponsesApi, maxRetries: 0 })
    checks[`LangChain, ${kind}: an answer`] = async () => {
      same((await model.invoke('Hello')).text, 'You said: Hello')
    }
    checks[`LangChain, ${kind}: a stream`] = async () => {
      const pieces = await Array.fromAsync(await model.stream('Hello'))
      same(pieces.map(({ text }) => text).join(''), 'You said: Hello')
    }
    checks[`LangChain, ${kind}: a tool, and its result`] = async () => {
      const bound = model.bindTools([weather])
      const asked = { role: 'user', content: 'call weather' }
      const answer = await bound.invoke([asked])
      const [call] = answer.tool_calls ?? []
      if (!call) throw new Error('there is no call')
      const result = await weather.invoke(call)
      const { text } = await bound.invoke([asked, answer, result])
      if (!text.includes('rain')) throw new Error(text)
    }
    checks[`LangChain, ${kind}: an answer with a schema`] = async () => {
      const typed = model.withStructuredOutput(schema, { name: 'place', method: 'jsonSchema' })
      same(await typed.invoke('Where?'), { city: 'Paris' })
    }
  }
  checks['LangChain: embeddings'] = async () => {
    const embeddings = new OpenAIEmbeddings({ model: 'lab/m', apiKey: 'unused', configuration, maxRetries: 0 })
    const vectors = await embeddings.embedDocuments(['a', 'b'])
    same([vectors.length, vectors.every((one) => one.length > 1)], [2, true])
  }
  return checks
}

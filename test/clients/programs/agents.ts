import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from '@openai/agents'
import { z } from 'zod'
import { type Checks, same } from './checks.ts'

setTracingDisabled(true)

const parameters = z.object({ city: z.string() })
const weather = tool({ name: 'weather', description: 'The weather.', parameters, execute: async () => 'rain' })
const time = tool({ name: 'time', description: 'The time.', parameters, execute: async () => 'late' })

export function agents(url: string): Checks {
  const checks: Record<string, () => Promise<void>> = {}
  for (const [kind, useResponses] of [
    ['Responses', true],
    ['Chat Completions', false],
  ] as const) {
    const modelProvider = new OpenAIProvider({ baseURL: `${url}/v1`, apiKey: 'unused', useResponses })
    const runner = new Runner({ modelProvider, tracingDisabled: true })
    const agent = new Agent({ name: 'a', instructions: 'Be brief.', model: 'lab/m', tools: [weather, time] })
    checks[`Agents SDK, ${kind}: an answer`] = async () => {
      same((await runner.run(agent, 'Hello')).finalOutput, 'You said: Hello')
    }
    checks[`Agents SDK, ${kind}: two tools at once, and their results`] = async () => {
      const { finalOutput, newItems } = await runner.run(agent, 'call weather time')
      const outputs = newItems.flatMap((item) => (item.type === 'tool_call_output_item' ? [item.output] : []))
      same(outputs, ['rain', 'late'])
      if (!finalOutput?.includes('late')) throw new Error(finalOutput)
    }
    checks[`Agents SDK, ${kind}: a stream with a tool`] = async () => {
      const stream = await runner.run(agent, 'call weather', { stream: true })
      let text = ''
      for await (const piece of stream.toTextStream()) text += piece
      await stream.completed
      if (!text.includes('rain')) throw new Error(text)
    }
    checks[`Agents SDK, ${kind}: an answer with a schema`] = async () => {
      const typed = new Agent({ name: 't', model: 'lab/m', outputType: parameters })
      same((await runner.run(typed, 'Where?')).finalOutput, { city: 'Paris' })
    }
    checks[`Agents SDK, ${kind}: a second turn`] = async () => {
      const plain = new Agent({ name: 'p', model: 'lab/m' })
      const first = await runner.run(plain, 'Hello')
      const { finalOutput } = await runner.run(plain, [...first.history, { role: 'user', content: 'count' }])
      same(finalOutput, 'user: Hello, assistant: You said: Hello, user: count')
    }
  }
  checks['Agents SDK: a second turn by previousResponseId'] = async () => {
    const modelProvider = new OpenAIProvider({ baseURL: `${url}/v1`, apiKey: 'unused', useResponses: true })
    const runner = new Runner({ modelProvider, tracingDisabled: true })
    const plain = new Agent({ name: 'p', model: 'lab/m' })
    const { lastResponseId: previousResponseId } = await runner.run(plain, 'Hello')
    if (!previousResponseId) throw new Error('there is no id')
    const { finalOutput } = await runner.run(plain, 'count', { previousResponseId })
    same(finalOutput, 'user: Hello, assistant: You said: Hello, user: count')
  }
  return checks
}

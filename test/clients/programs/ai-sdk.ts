import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { embedMany, generateText, isStepCount, type LanguageModel, Output, streamText, tool } from 'ai'
import { z } from 'zod'
import { type Checks, same } from './checks.ts'

const city = z.object({ city: z.string() })
const weather = tool({ description: 'The weather.', inputSchema: city, execute: async () => 'rain' })
const time = tool({ description: 'The time.', inputSchema: city, execute: async () => 'late' })

/** What every provider must do. The emulated upstream says what it was told, and calls the tools that it is told to call. */
function checksOf(name: string, model: LanguageModel): Checks {
  return {
    [`${name}: an answer`]: async () => {
      const { text, finishReason, usage } = await generateText({ model, system: 'Be brief.', prompt: 'Hello' })
      same([text, finishReason, (usage.inputTokens ?? 0) > 0], ['You said: Hello', 'stop', true])
    },
    [`${name}: a stream`]: async () => {
      const stream = streamText({ model, prompt: 'Hello' })
      const pieces = await Array.fromAsync(stream.textStream)
      same([pieces.join(''), pieces.length > 1, await stream.finishReason], ['You said: Hello', true, 'stop'])
    },
    [`${name}: two tools at once, and their results`]: async () => {
      const tools = { weather, time }
      const { steps, text } = await generateText({
        model,
        prompt: 'call weather time',
        tools,
        stopWhen: isStepCount(3),
      })
      same(
        steps.map(({ finishReason, toolResults }) => [finishReason, toolResults.map(({ output }) => output)]),
        [
          ['tool-calls', ['rain', 'late']],
          ['stop', []],
        ],
      )
      if (!text.includes('late')) throw new Error(text)
    },
    [`${name}: tools in a stream`]: async () => {
      const stream = streamText({ model, prompt: 'call weather', tools: { weather }, stopWhen: isStepCount(3) })
      const parts = await Array.fromAsync(stream.fullStream)
      const outputs = parts.flatMap((part) => (part.type === 'tool-result' ? [part.output] : []))
      same([outputs, await stream.finishReason], [['rain'], 'stop'])
    },
    [`${name}: an answer with a schema`]: async () => {
      const { output } = await generateText({ model, prompt: 'Where?', output: Output.object({ schema: city }) })
      same(output, { city: 'Paris' })
    },
    [`${name}: a second turn`]: async () => {
      const first = [{ role: 'user' as const, content: 'Hello' }]
      const { response } = await generateText({ model, messages: first })
      const messages = [...first, ...response.messages, { role: 'user' as const, content: 'count' }]
      const { text } = await generateText({ model, messages })
      same(text, 'user: Hello, assistant: You said: Hello, user: count')
    },
  }
}

export function aiSdk(url: string): Checks {
  const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: 'unused' })
  const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey: 'unused' })
  const compatible = createOpenAICompatible({
    name: 'tributary',
    baseURL: `${url}/v1`,
    apiKey: 'unused',
    supportsStructuredOutputs: true,
    includeUsage: true,
  })
  return {
    ...checksOf('AI SDK, openai.responses', openai.responses('lab/m')),
    ...checksOf('AI SDK, openai.chat', openai.chat('lab/m')),
    ...checksOf('AI SDK, anthropic', anthropic('lab/m')),
    ...checksOf('AI SDK, openai-compatible', compatible('lab/m')),
    'AI SDK, anthropic: an answer with a schema, which Anthropic knows by itself': async () => {
      const providerOptions = { anthropic: { structuredOutputMode: 'outputFormat' as const } }
      const output = Output.object({ schema: city })
      const { output: got } = await generateText({
        model: anthropic('lab/m'),
        prompt: 'Where?',
        output,
        providerOptions,
      })
      same(got, { city: 'Paris' })
    },
    'AI SDK: embeddings': async () => {
      const { embeddings } = await embedMany({ model: openai.embedding('lab/m'), values: ['a', 'b'] })
      same([embeddings.length, embeddings.every((one) => one.length > 1)], [2, true])
    },
  }
}

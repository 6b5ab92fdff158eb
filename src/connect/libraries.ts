import type { Client, GatewayAddress } from './client.ts'
import { pythonKey, quoted, scriptKey, shellKey, shellWord } from './quoting.ts'

/** The libraries, and what can be typed into a terminal. */
export const libraries: readonly Client[] = [
  {
    name: 'openai-python',
    title: 'OpenAI SDK, Python',
    dialect: 'chat',
    settings: (address) => [{ kind: 'text', into: 'program', text: openAiPython(address) }],
  },
  {
    name: 'openai-js',
    title: 'OpenAI SDK, JavaScript',
    dialect: 'chat',
    settings: (address) => [{ kind: 'text', into: 'program', text: openAiScript(address) }],
  },
  {
    name: 'openai',
    title: 'OpenAI SDKs (variables)',
    dialect: 'chat',
    settings: (address) => [
      {
        kind: 'text',
        into: 'terminal',
        text: `export OPENAI_BASE_URL=${shellWord(`${address.url}/v1`)}\nexport OPENAI_API_KEY=${shellKey(address)}\n`,
      },
    ],
  },
  {
    name: 'curl',
    title: 'curl',
    dialect: 'chat',
    settings: (address) => [{ kind: 'text', into: 'terminal', text: curl(address) }],
  },
  {
    name: 'ai-sdk',
    title: 'AI SDK',
    dialect: 'chat',
    // ai-sdk.dev, OpenAI Compatible Providers
    settings: (address) => [{ kind: 'text', into: 'program', text: aiSdk(address) }],
  },
  {
    name: 'langchain',
    title: 'LangChain',
    dialect: 'chat',
    // docs.langchain.com, ChatOpenAI: base_url in Python, configuration.baseURL in JavaScript
    settings: (address) => [
      { kind: 'text', into: 'program', text: langChainPython(address) },
      { kind: 'text', into: 'program', text: langChainScript(address) },
    ],
  },
]

/** Python needs it to read a variable. */
function importOs({ key }: GatewayAddress): string {
  return key === undefined ? 'import os\n\n' : ''
}

function openAiPython(address: GatewayAddress): string {
  return `${importOs(address)}from openai import OpenAI

client = OpenAI(
    base_url=${quoted(`${address.url}/v1`)},
    api_key=${pythonKey(address)},
)
answer = client.chat.completions.create(
    model=${quoted(address.model)},
    messages=[{"role": "user", "content": "Hello!"}],
)
print(answer.choices[0].message.content)
`
}

function openAiScript(address: GatewayAddress): string {
  return `import OpenAI from 'openai'

const client = new OpenAI({
  baseURL: ${quoted(`${address.url}/v1`)},
  apiKey: ${scriptKey(address)},
})
const answer = await client.chat.completions.create({
  model: ${quoted(address.model)},
  messages: [{ role: 'user', content: 'Hello!' }],
})
console.log(answer.choices[0].message.content)
`
}

function curl(address: GatewayAddress): string {
  const body = `{"model": ${quoted(address.model)}, "messages": [{"role": "user", "content": "Hello!"}]}`
  return `curl -s ${shellWord(`${address.url}/v1/chat/completions`)} \\
  -H ${shellKey(address, 'authorization: Bearer ')} -H 'content-type: application/json' \\
  -d ${shellWord(body)}
`
}

function aiSdk(address: GatewayAddress): string {
  return `import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText } from 'ai'

const tributary = createOpenAICompatible({
  name: 'tributary',
  baseURL: ${quoted(`${address.url}/v1`)},
  apiKey: ${scriptKey(address)},
})
const { text } = await generateText({ model: tributary(${quoted(address.model)}), prompt: 'Hello!' })
console.log(text)
`
}

function langChainPython(address: GatewayAddress): string {
  return `${importOs(address)}from langchain_openai import ChatOpenAI

model = ChatOpenAI(
    model=${quoted(address.model)},
    base_url=${quoted(`${address.url}/v1`)},
    api_key=${pythonKey(address)},
)
print(model.invoke("Hello!").content)
`
}

function langChainScript(address: GatewayAddress): string {
  return `import { ChatOpenAI } from '@langchain/openai'

const model = new ChatOpenAI({
  model: ${quoted(address.model)},
  apiKey: ${scriptKey(address)},
  configuration: { baseURL: ${quoted(`${address.url}/v1`)} },
})
console.log((await model.invoke('Hello!')).content)
`
}

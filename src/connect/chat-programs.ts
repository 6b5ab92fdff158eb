import { type Client, type GatewayAddress, keyVariable } from './client.ts'
import { envValue, quoted, shellKey, shellWord, typedKey } from './quoting.ts'

/** The programs in which people chat. */
export const chatPrograms: readonly Client[] = [
  {
    name: 'open-webui',
    title: 'Open WebUI',
    dialect: 'chat',
    // docs.openwebui.com, Environment Variables: they are read at the first start; later the form is what counts
    settings: (address) => [
      {
        kind: 'text',
        into: 'terminal',
        text: `export OPENAI_API_BASE_URL=${shellWord(`${address.url}/v1`)}
export OPENAI_API_KEY=${shellKey(address)}
open-webui serve
`,
      },
      {
        kind: 'form',
        path: 'Admin Panel → Settings → Connections → OpenAI API → Add Connection',
        fields: [
          ['URL', `${address.url}/v1`],
          ['Key', typedKey(address)],
        ],
      },
    ],
  },
  {
    name: 'librechat',
    title: 'LibreChat',
    dialect: 'chat',
    // librechat.ai, Custom Endpoint Object Structure
    settings: (address) => [
      { kind: 'text', into: { file: '.env' }, text: `${keyVariable}=${envValue(address.key ?? 'your-key')}\n` },
      { kind: 'text', into: { file: 'librechat.yaml' }, text: libreChatText(address) },
    ],
  },
  {
    name: 'lobechat',
    title: 'LobeChat',
    dialect: 'chat',
    // lobehub.com/docs, Model Providers: OPENAI_PROXY_URL ends with /v1
    settings: (address) => [
      {
        kind: 'form',
        path: 'Settings → AI Service Provider → OpenAI',
        fields: [
          ['API Key', typedKey(address)],
          ['API Proxy URL', `${address.url}/v1`],
          ['Model List', address.model],
        ],
      },
      {
        kind: 'text',
        into: 'terminal',
        text: `docker run -d --name lobe-chat -p 3210:3210 \\
  -e OPENAI_API_KEY=${shellKey(address)} \\
  -e OPENAI_PROXY_URL=${shellWord(`${address.url}/v1`)} \\
  -e OPENAI_MODEL_LIST=${shellWord(`-all,+${address.model}`)} \\
  lobehub/lobe-chat
`,
      },
    ],
  },
  {
    name: 'cherry-studio',
    title: 'Cherry Studio',
    dialect: 'chat',
    // docs.cherry-ai.com, OneAPI: the host has no /v1, which the program adds
    settings: (address) => [
      {
        kind: 'form',
        path: 'Settings → Model Provider → Add',
        fields: [
          ['Provider Name', 'tributary'],
          ['Provider Type', 'OpenAI'],
          ['API Key', typedKey(address)],
          ['API Host', address.url],
          ['Models → Add → Model ID', address.model],
        ],
      },
    ],
  },
  {
    name: 'nextchat',
    title: 'NextChat',
    dialect: 'chat',
    // ChatGPTNextWeb/NextChat, README: BASE_URL has no /v1
    settings: (address) => [
      {
        kind: 'form',
        path: 'Settings → Custom Endpoint',
        fields: [
          ['Model Provider', 'OpenAI'],
          ['OpenAI Endpoint', address.url],
          ['OpenAI API Key', typedKey(address)],
          ['Custom Models', address.model],
        ],
      },
      {
        kind: 'text',
        into: 'terminal',
        text: `docker run -d -p 3000:3000 \\
  -e OPENAI_API_KEY=${shellKey(address)} \\
  -e BASE_URL=${shellWord(address.url)} \\
  -e CUSTOM_MODELS=${shellWord(`-all,+${address.model}@OpenAI`)} \\
  yidadaa/chatgpt-next-web
`,
      },
    ],
  },
]

function libreChatText({ url, model }: GatewayAddress): string {
  return `version: 1.2.1
endpoints:
  custom:
    - name: "tributary"
      apiKey: "\${${keyVariable}}"
      baseURL: ${quoted(`${url}/v1`)}
      models:
        default: [${quoted(model)}]
        fetch: true
      titleConvo: true
      titleModel: ${quoted(model)}
      modelDisplayLabel: "tributary"
`
}

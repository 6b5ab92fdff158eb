import { type Client, type GatewayAddress, keyVariable, type Settings } from './client.ts'
import { quoted, shellKey, shellWord, typedKey } from './quoting.ts'

/** The agents that write programs. */
export const agents: readonly Client[] = [
  {
    name: 'continue',
    title: 'Continue',
    dialect: 'chat',
    // docs.continue.dev, config.yaml reference
    settings: (address) => [
      {
        kind: 'text',
        into: { file: '~/.continue/config.yaml' },
        text: `name: tributary
version: 0.0.1
schema: v1
models:
  - name: ${quoted(address.model)}
    provider: openai
    model: ${quoted(address.model)}
    apiBase: ${quoted(`${address.url}/v1`)}
    apiKey: ${address.key === undefined ? `\${{ secrets.${keyVariable} }}` : quoted(address.key)}
`,
      },
    ],
  },
  {
    name: 'cline',
    title: 'Cline',
    dialect: 'chat',
    // docs.cline.bot, OpenAI Compatible
    settings: (address) => [
      {
        kind: 'form',
        path: 'Settings → API Configuration',
        fields: [
          ['API Provider', 'OpenAI Compatible'],
          ['Base URL', `${address.url}/v1`],
          ['API Key', typedKey(address)],
          ['Model ID', address.model],
        ],
      },
    ],
  },
  {
    name: 'opencode',
    title: 'opencode',
    dialect: 'chat',
    settings: (address) => [
      {
        kind: 'text',
        into: { file: '~/.config/opencode/opencode.json' },
        text: `${JSON.stringify(opencodeSettings(address), undefined, 2)}\n`,
      },
    ],
  },
  {
    name: 'codex',
    title: 'Codex',
    dialect: 'responses',
    settings: (address) => [
      ...keyFirst(address),
      {
        kind: 'text',
        into: { file: '~/.codex/config.toml' },
        text: `${codexTop(address)}\n${codexProvider(address)}${codexTools(address)}`,
      },
    ],
  },
  {
    name: 'claude-code',
    title: 'Claude Code',
    dialect: 'messages',
    settings: (address) => [{ kind: 'text', into: 'terminal', text: claudeText(address) }],
  },
  {
    name: 'aider',
    title: 'aider',
    dialect: 'chat',
    // aider.chat, OpenAI compatible APIs
    settings: (address) => [
      {
        kind: 'text',
        into: 'terminal',
        text: `aider --openai-api-base ${shellWord(`${address.url}/v1`)} --openai-api-key ${shellKey(address)} --model ${shellWord(`openai/${address.model}`)}\n`,
      },
    ],
  },
]

/** Sets the variable that the settings name. */
function keyFirst({ key }: GatewayAddress): readonly Settings[] {
  if (key === undefined) return []
  return [{ kind: 'text', into: 'terminal', text: `export ${keyVariable}=${shellWord(key)}\n` }]
}

/** The settings of opencode, as JSON. (opencode.ai, Providers, Custom provider) */
export function opencodeSettings({ url, model, key }: GatewayAddress): Readonly<Record<string, unknown>> {
  return {
    $schema: 'https://opencode.ai/config.json',
    model: `tributary/${model}`,
    provider: {
      tributary: {
        npm: '@ai-sdk/openai-compatible',
        name: 'tributary',
        options: { baseURL: `${url}/v1`, apiKey: key ?? `{env:${keyVariable}}` },
        models: { [model]: {} },
      },
    },
  }
}

/** The members of Codex before its tables. */
export function codexTop({ model }: GatewayAddress): string {
  return `model = ${quoted(model)}\nmodel_provider = "tributary"\n`
}

/** The head of the table that `codexProvider` writes. */
export const codexTable = '[model_providers.tributary]'

/** The table of the gateway in the settings of Codex. */
export function codexProvider({ url }: GatewayAddress): string {
  return `${codexTable}
name = "tributary"
base_url = ${quoted(`${url}/v1`)}
env_key = "${keyVariable}"
wire_api = "responses"
supports_websockets = false
`
}

/** What adds the gateway's tools. It stays a comment, because they take room in each request. */
function codexTools({ url }: GatewayAddress): string {
  return `
# for the gateway's tools too:
# [mcp_servers.tributary]
# url = ${quoted(`${url}/mcp`)}
# bearer_token_env_var = "${keyVariable}"
`
}

/** The variables of Claude Code apart from its key. */
export function claudeVariables({ url, model, claudeAliases }: GatewayAddress): Readonly<Record<string, string>> {
  return {
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_MODEL: model,
    ...(claudeAliases.length > 0 && { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1' }),
  }
}

function claudeText(address: GatewayAddress): string {
  const variables = Object.entries(claudeVariables(address)).map(
    ([name, value]) => `export ${name}=${shellWord(value)}\n`,
  )
  const tools = `claude mcp add --transport http tributary ${shellWord(`${address.url}/mcp`)} --header ${shellKey(address, 'Authorization: Bearer ')}`
  return `${variables.join('')}export ANTHROPIC_AUTH_TOKEN=${shellKey(address)}
# for the gateway's tools too:
${commented(tools)}
claude
${aliasHint(address)}`
}

/** How other models come into Claude Code's list, which shows only names like its own. */
function aliasHint({ model, claudeAliases }: GatewayAddress): string {
  if (claudeAliases.length > 0) return `${commented(`/model lists ${claudeAliases.join(', ')}`)}\n`
  return `${commented(`for /model to list it, the gateway needs an alias: ALIASES="claude-mine = ${model}"`)}\n`
}

/** A comment, of which no line is a command. */
function commented(text: string): string {
  return text
    .split(/[\r\n]+/)
    .map((line) => `# ${line}`)
    .join('\n')
}

import { join } from 'node:path'

/** What a client needs to know of the gateway. */
export interface GatewayAddress {
  /** Without a slash at its end. */
  readonly url: string
  /** The gateway's name of the model. */
  readonly model: string
  /** The aliases of the gateway that Claude Code would list: names with `claude` or `anthropic`. */
  readonly claudeAliases: readonly string[]
}

/** A file that a client reads its settings from. */
export interface SettingsFile {
  /** Its path below the home folder. */
  readonly path: string
  /** Returns the file's text with these settings, and all others as they were. @throws Error if it cannot be read */
  edit(text: string, address: GatewayAddress): string
}

/** A program that can use the gateway. */
export interface ClientSettings {
  /** Its settings, ready to be pasted. */
  print(address: GatewayAddress): string
  /** Absent if it keeps its settings in a form that cannot be edited safely. */
  readonly file?: SettingsFile
}

/** The variable from which clients take the key, so that it stands in no file. */
const key = 'TRIBUTARY_KEY'

/** Every client, by the name that `connect` takes. */
export const clients: Readonly<Record<string, ClientSettings>> = {
  'claude-code': {
    print: (address) => `${Object.entries(claudeVariables(address))
      .map(([name, value]) => `export ${name}=${value}\n`)
      .join('')}export ANTHROPIC_AUTH_TOKEN="$${key}"
# for the gateway's tools too:
# claude mcp add --transport http tributary ${address.url}/mcp --header "Authorization: Bearer $${key}"
claude
${aliasHint(address)}`,
    file: {
      path: join('.claude', 'settings.json'),
      edit: (text, address) => mergeJson(text, { env: claudeVariables(address), apiKeyHelper: `printf %s "$${key}"` }),
    },
  },
  codex: {
    print: (address) => `${codexText(address)}${codexTools(address)}`,
    file: { path: join('.codex', 'config.toml'), edit: editCodex },
  },
  opencode: {
    print: (address) => `${JSON.stringify(opencodeValue(address), undefined, 2)}\n`,
    file: {
      path: join('.config', 'opencode', 'opencode.json'),
      edit: (text, address) => mergeJson(text, opencodeValue(address)),
    },
  },
  continue: {
    print: ({ url, model }) => `models:
  - name: ${model}
    provider: openai
    model: ${model}
    apiBase: ${url}/v1
    apiKey: \${{ secrets.${key} }}
`,
  },
  cline: {
    print: ({ url, model }) => `API Provider: OpenAI Compatible
Base URL: ${url}/v1
API Key: the value of ${key}
Model ID: ${model}
`,
  },
  'open-webui': {
    print: ({ url }) => `export OPENAI_API_BASE_URL=${url}/v1
export OPENAI_API_KEY="$${key}"
open-webui serve
`,
  },
  aider: {
    print: ({ url, model }) => `aider --openai-api-base ${url}/v1 --openai-api-key "$${key}" --model openai/${model}
`,
  },
  openai: {
    print: ({ url }) => `export OPENAI_BASE_URL=${url}/v1
export OPENAI_API_KEY="$${key}"
`,
  },
  curl: {
    print: ({ url, model }) => `curl -s ${url}/v1/chat/completions \\
  -H "authorization: Bearer $${key}" -H 'content-type: application/json' \\
  -d '{"model": "${model}", "messages": [{"role": "user", "content": "Hello!"}]}'
`,
  },
}

function claudeVariables({ url, model, claudeAliases }: GatewayAddress): Readonly<Record<string, string>> {
  return {
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_MODEL: model,
    ...(claudeAliases.length > 0 && { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1' }),
  }
}

/** How other models come into Claude Code's list, which shows only names like its own. */
function aliasHint({ model, claudeAliases }: GatewayAddress): string {
  if (claudeAliases.length > 0) return `# /model lists ${claudeAliases.join(', ')}\n`
  return `# for /model to list it, the gateway needs an alias: ALIASES="claude-mine = ${model}"\n`
}

/** Adds members to a JSON object. Objects are merged, and everything else is replaced. */
function mergeJson(text: string, added: Readonly<Record<string, unknown>>): string {
  const value: unknown = text.trim() === '' ? {} : JSON.parse(text)
  if (!isObject(value)) throw new Error('it is not a JSON object')
  return `${JSON.stringify(merged(value, added), undefined, 2)}\n`
}

type JsonObject = Readonly<Record<string, unknown>>

function merged(into: JsonObject, added: JsonObject): JsonObject {
  const result = new Map(Object.entries(into))
  for (const [name, value] of Object.entries(added)) {
    const own = result.get(name)
    result.set(name, isObject(own) && isObject(value) ? merged(own, value) : value)
  }
  return Object.fromEntries(result)
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function opencodeValue({ url, model }: GatewayAddress): JsonObject {
  return {
    $schema: 'https://opencode.ai/config.json',
    model: `tributary/${model}`,
    provider: {
      tributary: {
        npm: '@ai-sdk/openai-compatible',
        name: 'tributary',
        options: { baseURL: `${url}/v1`, apiKey: `{env:${key}}` },
        models: { [model]: {} },
      },
    },
  }
}

const provider = '[model_providers.tributary]'

function codexText(address: GatewayAddress): string {
  return `${codexTop(address)}\n${codexProvider(address)}`
}

function codexTop({ model }: GatewayAddress): string {
  return `model = ${JSON.stringify(model)}\nmodel_provider = "tributary"\n`
}

function codexProvider({ url }: GatewayAddress): string {
  return `${provider}
name = "tributary"
base_url = "${url}/v1"
env_key = "${key}"
wire_api = "responses"
supports_websockets = false
`
}

/** What adds the gateway's tools. It stays a comment, because they take room in each request. */
function codexTools({ url }: GatewayAddress): string {
  return `
# for the gateway's tools too:
# [mcp_servers.tributary]
# url = "${url}/mcp"
# bearer_token_env_var = "${key}"
`
}

/** Replaces our table and the two members before the first table. The result is parsed, so that a mistake is not written. */
function editCodex(text: string, address: GatewayAddress): string {
  Bun.TOML.parse(text)
  const tables = text.split(/^(?=\[)/m)
  const top = tables[0]?.startsWith('[') ? '' : (tables.shift() ?? '')
  const others = top.replace(/^(model|model_provider)[ \t]*=.*\n?/gm, '').trim()
  const rest = tables.filter((table) => !table.startsWith(provider)).join('')
  const edited = [codexTop(address), others === '' ? '' : `${others}\n`, rest, codexProvider(address)]
    .filter((part) => part !== '')
    .map((part) => part.trimEnd())
    .join('\n\n')
  Bun.TOML.parse(edited)
  return `${edited}\n`
}

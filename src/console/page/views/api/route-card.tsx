import { texts } from '../../i18n/index.ts'
import { Badge } from '../../kit/badge.tsx'
import { CopyBox } from '../../kit/copy.tsx'
import { Fold } from '../../kit/fold.tsx'
import { namesIn, schemaText } from './schema-text.ts'
import type { OpenApi, Operation, Route, Schema } from './types.ts'

type Schemas = OpenApi['components']['schemas']

/** A route: who may use it, a command that asks it, and what it takes and gives. */
export function RouteCard({ route, schemas }: { readonly route: Route; readonly schemas: Schemas }) {
  const { api: words } = texts.value
  const { method, path, operation } = route
  const parts = partsOf(operation)
  const names = [...new Set(parts.flatMap(({ schema }) => namesIn(schema)))]
  return (
    <Fold
      title={
        <span class="route-title">
          <Badge tone={method === 'get' ? 'info' : 'quiet'}>{method.toUpperCase()}</Badge>
          <code>{path}</code>
          <span class="quiet-text">{operation.summary}</span>
        </span>
      }
    >
      <p class="quiet-text">{accessOf(operation)}</p>
      <CopyBox label={words.command} text={commandOf(route)} />
      {parts.map(({ kind, type, schema }) => (
        <section key={`${kind} ${type}`}>
          <h3>
            {words[kind]} <code>{type}</code>
          </h3>
          <Shown text={schemaText(schema)} label={words[kind]} />
        </section>
      ))}
      {names.map((name) => {
        const schema = schemas[name]
        return schema && <Shown key={name} text={`${name} = ${schemaText(schema)}`} label={name} />
      })}
    </Fold>
  )
}

function Shown({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled with the keyboard
    <pre class="schema" tabIndex={0} role="region" aria-label={label}>
      <code>{text}</code>
    </pre>
  )
}

interface Part {
  readonly kind: 'takes' | 'gives'
  readonly type: string
  readonly schema: Schema
}

function partsOf({ requestBody, responses }: Operation): readonly Part[] {
  const sides = [
    { kind: 'takes', content: requestBody?.content },
    { kind: 'gives', content: successOf(responses)?.content },
  ] as const
  return sides.flatMap(({ kind, content = {} }) =>
    Object.entries(content).flatMap(([type, { schema }]) => (schema ? [{ kind, type, schema }] : [])),
  )
}

/** The answer to a request that was right. */
function successOf(responses: Operation['responses']) {
  return Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1]
}

function accessOf({ security, description }: Operation): string {
  const { access } = texts.value.api
  if (security.length === 0) return access.open
  return description === undefined ? access.client : access.admin
}

function commandOf({ method, path, operation }: Route): string {
  const needsKey = operation.security.length > 0
  return [
    `curl -sN ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}'${location.origin}${path}'`,
    ...(needsKey ? ['-H "Authorization: Bearer $TRIBUTARY_KEY"'] : []),
    ...(operation.requestBody ? ["-H 'Content-Type: application/json' -d '{…}'"] : []),
  ].join(' \\\n  ')
}

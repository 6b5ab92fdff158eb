import { useSignal } from '@preact/signals'
import { texts } from '../../i18n/index.ts'
import { SearchField } from '../../kit/search.tsx'
import { Empty, Loaded, View } from '../../kit/view.tsx'
import { Words } from '../../kit/words.tsx'
import { askJson } from '../../session/api.ts'
import { useResource } from '../../session/resource.ts'
import { RouteCard } from './route-card.tsx'
import type { OpenApi, Route } from './types.ts'

/** Every route of the gateway, from its own `openapi.json`. `/docs` leads here. */
export function ApiView() {
  const { api: words, views } = texts.value
  const resource = useResource((signal) => askJson<OpenApi>('/openapi.json', { signal }))
  return (
    <View title={views.api}>
      <p class="quiet-text">
        <Words text={words.about} />
      </p>
      <Loaded resource={resource}>{(document) => <Routes document={document} />}</Loaded>
    </View>
  )
}

function Routes({ document: { tags, paths, components } }: { readonly document: OpenApi }) {
  const { api: words } = texts.value
  const text = useSignal('')
  const wanted = text.value.trim().toLowerCase()
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  )
  const shown = routes.filter((route) => matches(route, wanted))
  return (
    <>
      <SearchField label={words.filter} value={text.value} onInput={(typed) => void (text.value = typed)} />
      {shown.length === 0 && <Empty>{words.noMatch}</Empty>}
      {tags.map(({ name }) => {
        const own = shown.filter(({ operation }) => operation.tags.includes(name))
        return (
          own.length > 0 && (
            <section key={name} class="routes">
              <h2>{name}</h2>
              {own.map((route) => (
                <RouteCard key={`${route.method} ${route.path}`} route={route} schemas={components.schemas} />
              ))}
            </section>
          )
        )
      })}
    </>
  )
}

function matches({ method, path, operation: { summary } }: Route, wanted: string): boolean {
  return `${method} ${path} ${summary}`.toLowerCase().includes(wanted)
}

import type { ComponentChildren } from 'preact'
import { texts } from '../i18n/index.ts'
import type { Resource } from '../session/resource.ts'
import { Button } from './button.tsx'

interface ViewProps {
  readonly title: string
  /** What stands beside the title. */
  readonly actions?: ComponentChildren
  readonly children: ComponentChildren
}

/** A view of the page: its title, which gets the focus when the view is opened, and its content. */
export function View({ title, actions, children }: ViewProps) {
  return (
    <section class="view">
      <header class="view-head">
        <h1 tabIndex={-1}>{title}</h1>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </section>
  )
}

interface LoadedProps<Value> {
  readonly resource: Resource<Value>
  readonly children: (value: Value) => ComponentChildren
}

/** Shows a value when it is there, and why it is not. */
export function Loaded<Value>({ resource, children }: LoadedProps<Value>) {
  const { words } = texts.value
  const [value, error] = [resource.value.value, resource.error.value]
  return (
    <>
      {error && (
        <div class="notice bad" role="alert">
          <p>
            <bdi>{error.message}</bdi>
          </p>
          <Button onPress={() => resource.reload()}>{words.again}</Button>
        </div>
      )}
      {value === undefined ? !error && <p class="loading">{words.loading}</p> : children(value)}
    </>
  )
}

/** What stands where a list has nothing. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <div class="empty">{children}</div>
}

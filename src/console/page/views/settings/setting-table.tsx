import { texts } from '../../i18n/index.ts'
import { Badge } from '../../kit/badge.tsx'
import { Cell, Row, RowHead, StackTable } from '../../kit/stack-table.tsx'
import { Untrusted } from '../../kit/untrusted.tsx'
import type { Setting } from './types.ts'

/** A row for each setting. */
export function SettingTable({ settings }: { readonly settings: readonly Setting[] }) {
  const { settings: words } = texts.value
  const columns = [words.name, words.value, words.origin, words.changes].map((name) => ({ name }))
  return (
    <div class="table">
      <StackTable kind="settings" label={words.table} columns={columns}>
        {settings.map((setting) => (
          <Row key={setting.name}>
            <RowHead>
              <bdi class="label">{setting.name}</bdi>
            </RowHead>
            <Cell name={words.value}>
              <Value setting={setting} />
            </Cell>
            <Cell name={words.origin}>
              <bdi class={setting.is_set ? undefined : 'quiet-text'}>{originOf(setting.origin)}</bdi>
            </Cell>
            <Cell name={words.changes}>
              <span class="quiet-text">{words.whenChanged[setting.changes] ?? setting.changes}</span>
            </Cell>
          </Row>
        ))}
      </StackTable>
    </div>
  )
}

function Value({ setting: { value, is_secret, is_set } }: { readonly setting: Setting }) {
  const { settings: words } = texts.value
  if (is_secret) return <Badge tone={is_set ? 'good' : 'quiet'}>{is_set ? words.secretSet : words.secretUnset}</Badge>
  if (value === null || value === 'none') return <span class="quiet-text">{words.none}</span>
  return (
    <span class={is_set ? 'setting-value' : 'setting-value quiet-text'}>
      <Untrusted text={value} max={160} />
    </span>
  )
}

function originOf(origin: string): string {
  const { origins } = texts.value.settings
  const known: Readonly<Record<string, string>> = origins
  return Object.hasOwn(known, origin) ? (known[origin] ?? origin) : origin
}

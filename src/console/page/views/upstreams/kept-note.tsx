import { texts } from '../../i18n/index.ts'
import { Words } from '../../kit/words.tsx'
import { askJson } from '../../session/api.ts'
import { useResource } from '../../session/resource.ts'
import type { SettingList } from '../settings/types.ts'

/** Where a credential will be kept, and for how long. */
export function KeptNote({ variable }: { readonly variable: string }) {
  const { addDialog } = texts.value.upstreams
  const settings = useResource((signal) => askJson<SettingList>('/admin/settings', { signal }))
  const state = settings.value.value?.data.find(({ name }) => name === 'STATE_URL')?.value
  return (
    <p class="hint">
      <Words text={addDialog.kept(variable)} /> {state === 'memory:' && <Words text={addDialog.onlyUntilRestart} />}
    </p>
  )
}

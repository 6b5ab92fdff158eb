import { texts } from '../../i18n/index.ts'
import { View } from '../../kit/view.tsx'

export function SettingsView() {
  return <View title={texts.value.views.settings}>{null}</View>
}

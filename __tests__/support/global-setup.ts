/**
 * Jest compiles this file and not its imports: tsx does that.
 */
import { register } from 'tsx/esm/api';
import type { GlobalConfig, ProjectConfig } from './find-prerequisites.js';

export default async function globalSetup(
  run: GlobalConfig,
  project: ProjectConfig,
): Promise<void> {
  const unregister = register();
  try {
    const { findPrerequisites } = await import('./find-prerequisites.js');
    await findPrerequisites(run, project);
  } finally {
    await unregister();
  }
}

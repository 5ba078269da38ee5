import { mountScenarios } from '../support/mount-scenarios.ts';

mountScenarios('root');

#include "nhictl/doctor.h"
void doctor_store(struct doctor *d) { (void)d; }
